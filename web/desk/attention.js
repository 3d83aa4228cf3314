/** What is worth a sound, a notification or an alert. Never a reload: only what is settled. Pure. */

import { isWaiting } from "./rows.js";
import { isMine } from "./views.js";

/**
 * @typedef {import("./rows.js").Row} Row
 * @typedef {"waits"|"back"|"left"|"message"} Kind  somebody waits for anybody; mine came back after they had
 *   left; mine has left; a message of mine while nobody looks
 * @typedef {{kind: Kind, row: Row, person?: import("../people.js").Person}} Notice  `person`: who has left
 */

/**
 * What became of a row, but for who has left it.
 * @param {Row|undefined} before
 * @param {Row} row
 * @param {import("./views.js").Me} me
 * @returns {Notice[]}
 */
export function noticesOf(before, row, me) {
  /** @type {Notice[]} */
  const notices = [];
  if (isWaiting(row) && !(before && isWaiting(before))) notices.push({ kind: "waits", row });
  if (!before || !isMine(row, me)) return notices;
  if (before.state === "left" && (row.state === "here" || row.state === "away")) notices.push({ kind: "back", row });
  if (row.unread > before.unread) notices.push({ kind: "message", row });
  return notices;
}

/**
 * What happened, summed up for who listens to it: "3 joined, 1 left".
 * @param {{joined: number, left: number, waiting: number}} counts
 */
export function summary({ joined, left, waiting }) {
  const parts = [joined && `${joined} joined`, left && `${left} left`];
  if (waiting) parts.push(waiting === 1 ? "1 is waiting" : `${waiting} are waiting`);
  return parts.filter(Boolean).join(", ");
}
