/** How the sessions that a console knows are shown. Pure. */

import { isOccupied } from "./feed-state.js";
import { applyToPeople } from "./people.js";

/**
 * @typedef {import("./feed-state.js").Known} Known
 *
 * @typedef {Object} WatchedSession  never changed, but replaced
 * @property {string} id
 * @property {readonly import("./people.js").Person[]} people  who is here now; nobody who may be back
 * @property {{customer: number, agent: number}} totals  people, not sockets; exact also where there are
 *   too many people for the list
 * @property {?import("./feed-state.js").Holder} assignment  who has it
 * @property {string} epoch
 * @property {number} version  of the newest event known
 * @property {?string} since  since when somebody is here, RFC 3339
 */

/**
 * What a session was shown as, so that one that has not changed stays the same object.
 * @type {WeakMap<Known, WatchedSession>}
 */
const shown = new WeakMap();

/**
 * @param {Iterable<Known>} all
 * @param {Iterable<?Known>} singles  watched one by one, which are shown though nobody is there
 * @param {string} home  the console's own, which is not shown
 * @returns {readonly WatchedSession[]}  who has been there longest comes first
 */
export function tableOf(all, singles, home) {
  /** @type {Map<string, Known>} */
  const known = new Map();
  for (const session of all) if (isOccupied(session.status)) known.set(session.id, session);
  for (const session of singles) {
    if (!session?.status || isOlder(session, known.get(session.id))) continue;
    known.set(session.id, session);
  }
  known.delete(home);
  return Object.freeze([...known.values()].map(show).sort(inOrder));
}

/** Who has been there longest comes first. @param {WatchedSession} a @param {WatchedSession} b */
function inOrder(a, b) {
  if (a.since === b.since) return a.id < b.id ? -1 : 1;
  return (a.since ?? "~") < (b.since ?? "~") ? -1 : 1;
}

/** @param {Known} session @param {Known|undefined} other */
function isOlder({ epoch, version }, other) {
  if (!other) return false;
  return epoch === other.epoch ? version < other.version : epoch < other.epoch;
}

/** @param {Known} session @returns {WatchedSession} */
function show(session) {
  const before = shown.get(session);
  if (before) return before;
  const status = /** @type {import("./state.js").ConnectionStatus} */ (session.status);
  const { id, assignment, epoch, version } = session;
  /** @type {any} */
  const snapshot = { connection_status: status };
  const people = [...applyToPeople(new Map(), snapshot, { status, now: 0, age: 0 }).values()];
  const since = people.map((person) => `${person.since}`).sort()[0] ?? null;
  const totals = { customer: status.total_customer, agent: status.total_agent };
  const now = Object.freeze({ id, people, totals, assignment, epoch, version, since });
  shown.set(session, now);
  return now;
}
