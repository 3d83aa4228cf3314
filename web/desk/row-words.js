/** What a row says of its session, now. Pure. */

import { isWaiting, nameOf } from "./rows.js";
import { reasonWords, stopwatch } from "./words.js";

/** @typedef {import("./rows.js").Row} Row */

const STATES = { here: "here", away: "away", "maybe back": "maybe back", left: "left", empty: "no customer" };

/**
 * @param {Row} row
 * @param {number} now  by the server's clock
 * @returns {{kind: string, text: string, clock: string, why: string}}  `kind`: `waiting` or the state; `clock`
 *   counts, empty where it is not known since when
 */
export function statusOf(row, now) {
  const since = (/** @type {?number} */ at) => (at === null ? "" : stopwatch((now - at) / 1000));
  if (isWaiting(row) && row.state !== "maybe back") {
    const text = row.state === "away" ? "waiting, away" : "waiting";
    return { kind: "waiting", text, clock: since(row.askedAt), why: "" };
  }
  const why = row.state === "left" ? shortReason(row.customer?.departure ?? null) : "";
  if (row.askedAt !== null && row.holder && (row.state === "here" || row.state === "away")) {
    return { kind: "asks", text: "asks", clock: since(row.askedAt), why };
  }
  return { kind: row.state, text: STATES[row.state], clock: since(row.stateSince), why };
}

/** Why somebody left, in two words. @param {?{reason?: string, close_code?: number}} departure */
function shortReason(departure) {
  if (!departure) return "";
  if (departure.reason === "client_closed") {
    return { 1000: "pressed Leave", 1001: "closed", 4001: "closed the page" }[departure.close_code ?? 0] ?? "closed";
  }
  const words = {
    network_error: "network",
    heartbeat_timeout: "went silent",
    idle_timeout: "idle",
    kicked: "put out",
    gone: "vanished",
    token_expired: "signed out",
    rate_limited: "sent too much",
    duration_limit: "2 h limit",
  };
  return words[/** @type {keyof typeof words} */ (departure.reason)] ?? reasonWords(departure);
}

/**
 * Who has a session.
 * @param {Row} row
 * @param {import("./views.js").Me} me
 */
export function holderWords({ holder, people }, me) {
  if (!holder) return "";
  if (holder.user_id === me.id && holder.user_type === me.type) return "You";
  const person = people.find(({ id, type }) => id === holder.user_id && type === holder.user_type);
  const name = nameOf(person ?? null) || holder.user_id;
  return holder.gone ? `${name} (gone)` : name;
}
