/** Which rows are shown, and in what order. Pure. */

import { isWaiting } from "./rows.js";

/**
 * @typedef {import("./rows.js").Row} Row
 * @typedef {"waiting"|"mine"|"all"|"left"} View
 * @typedef {{id: string, type: string}} Me
 */

/** How long somebody who has left stays in the list of all, ms. */
const FADES_MS = 60_000;

/**
 * @param {Row} row
 * @param {Me} me  who looks
 */
export const isMine = ({ holder }, me) => holder?.user_id === me.id && holder.user_type === me.type;

/**
 * Whether a row belongs into a view.
 * @param {Row} row
 * @param {View} view
 * @param {Me} me
 * @param {number} now
 */
export function isIn(row, view, me, now) {
  if (view === "waiting") return isWaiting(row);
  if (view === "mine") return isMine(row, me);
  if (view === "left") return row.state === "left";
  return row.state !== "left" || now - (row.stateSince ?? 0) < FADES_MS;
}

/**
 * How many rows each view has; `here`: how many customers are here.
 * @param {Iterable<Row>} rows
 * @param {Me} me
 * @param {number} now
 */
export function count(rows, me, now) {
  const counts = { waiting: 0, mine: 0, all: 0, left: 0, here: 0, unread: 0 };
  for (const row of rows) {
    if (row.state === "left") counts.left += 1;
    if (isIn(row, "all", me, now)) counts.all += 1;
    if (isWaiting(row)) counts.waiting += 1;
    if (row.state === "here" || row.state === "away") counts.here += 1;
    if (!isMine(row, me)) continue;
    counts.mine += 1;
    counts.unread += row.unread;
  }
  return counts;
}

/**
 * Who needs somebody now comes first: questions to me, then questions to anybody, each the oldest first;
 * then what I have, what nobody has, what others have; last who has left; of these the latest first. Who
 * may be back keeps their place.
 * @param {Row} row
 * @param {Me} me
 */
function rank(row, me) {
  const mine = isMine(row, me);
  if (row.state === "left" || row.state === "empty") return mine ? 5 : 6;
  if (mine && row.askedAt !== null) return 0;
  if (isWaiting(row)) return 1;
  if (mine) return 2;
  return row.holder && !row.holder.gone ? 4 : 3;
}

/**
 * The ids of a view's rows, in order.
 * @param {Iterable<Row>} rows
 * @param {Object} how
 * @param {View} how.view
 * @param {(row: Row) => boolean} how.matches  the search
 * @param {Me} how.me
 * @param {number} how.now
 * @returns {string[]}
 */
export function arrange(rows, { view, matches, me, now }) {
  const keyed = [];
  for (const row of rows) {
    if (!isIn(row, view, me, now) || !matches(row)) continue;
    const order = rank(row, me);
    const latest = (order > 4 ? row.stateSince : Date.parse(row.session?.since ?? "")) || now;
    keyed.push({ id: row.id, order, at: order < 2 ? (row.askedAt ?? now) : -latest });
  }
  keyed.sort((a, b) => a.order - b.order || a.at - b.at || (a.id < b.id ? -1 : 1));
  return keyed.map(({ id }) => id);
}

/**
 * The order while somebody points at a row: each stays where it is, whatever has become of it, and new ones
 * come last.
 * @param {readonly string[]} before
 * @param {readonly string[]} wanted
 * @param {(id: string) => boolean} isKnown  whether there is still such a row
 * @returns {string[]}
 */
export function hold(before, wanted, isKnown) {
  const kept = before.filter(isKnown);
  const there = new Set(kept);
  return [...kept, ...wanted.filter((id) => !there.has(id))];
}

/**
 * Which rows a list shows, of so many.
 * @param {Object} how  in pixels
 * @param {number} how.top  how far it is scrolled
 * @param {number} how.height
 * @param {number} how.row  the height of a row
 * @param {number} total
 * @param {number} [spare]  rows beyond each edge
 * @returns {{from: number, to: number}}  `to` is the first that is not shown
 */
export function shownRows({ top, height, row }, total, spare = 6) {
  const from = Math.max(Math.floor(top / row) - spare, 0);
  const to = Math.min(Math.ceil((top + height) / row) + spare, total);
  return { from: Math.min(from, to), to };
}
