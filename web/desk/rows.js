/**
 * What the desk knows of each session: the table of the watcher, and what that leaves out, as it is of the
 * past: who may be back or has left, what was said last, since when somebody waits. Pure; times are
 * milliseconds since the Unix epoch by the server's clock.
 */

import { settleTime } from "../people.js";

/**
 * @typedef {import("../people.js").Person} Person
 * @typedef {import("../watcher.js").WatchedSession} WatchedSession
 * @typedef {import("../watcher.js").WatchedEvent} WatchedEvent
 *
 * @typedef {"here"|"away"|"maybe back"|"left"|"empty"} RowState  of the customer; `empty`: there was none
 *
 * @typedef {Object} Row  never changed, but replaced
 * @property {string} id  of the session
 * @property {?WatchedSession} session  as the table has it; null: nobody is there any more
 * @property {readonly Person[]} people  all who are here, may be back or have left; customers first
 * @property {?Person} customer  whom the row is about
 * @property {RowState} state
 * @property {?number} stateSince  null where that is not known
 * @property {?{text: string, isCustomer: boolean, at: number}} said  last
 * @property {?number} askedAt  since when a customer's question is without an answer
 * @property {?{user_id: string, user_type: string, gone?: true}} holder
 * @property {number} unread  messages of customers that nobody has looked at here
 *
 * @typedef {ReadonlyMap<string, Row>} Rows
 */

/** Sessions that have ended and are still listed; the oldest go first. */
const MOST_LEFT = 200;
/** People of one session who have left and are still listed. */
const MOST_GONE = 100;
/** A client that says that its person has waited for longer is not believed. */
const LONGEST_WAIT_MS = 3_600_000;
/** How long. */
const LEFT_MS = 3_600_000;

/** @param {{type: string, id: string}} person */
const keyOf = ({ type, id }) => `${type}:${id}`;
const ORDER = { here: 0, "maybe back": 1, left: 2 };

/**
 * The rows after the table has changed.
 * @param {Rows} rows
 * @param {readonly WatchedSession[]} sessions
 * @param {number} now
 * @param {boolean} isCurrent  whether who is not in the table is known to have gone
 * @returns {{rows: Rows, changed: string[]}}  the same rows where nothing has changed
 */
export function applyTable(rows, sessions, now, isCurrent) {
  /** @type {Map<string, Row>} */
  const next = new Map(rows);
  const changed = [];
  const listed = new Set();
  for (const session of sessions) {
    listed.add(session.id);
    const row = rows.get(session.id);
    if (row?.session === session) continue;
    next.set(session.id, withSession(row, session, now));
    changed.push(session.id);
  }
  for (const [id, row] of isCurrent ? rows : []) {
    if (!row.session || listed.has(id)) continue;
    next.set(id, { ...row, ...about(people(row.people, [], now), row, now), session: null });
    changed.push(id);
  }
  return { rows: changed.length ? next : rows, changed };
}

/**
 * The rows after something has happened.
 * @param {Rows} rows
 * @param {readonly WatchedEvent[]} events
 * @param {number} now
 * @param {?string} seenId  the session that somebody looks at
 * @returns {{rows: Rows, changed: string[]}}  the same rows where it says nothing of them
 */
export function applyEvents(rows, events, now, seenId) {
  /** @type {Map<string, Row>} */
  const next = new Map(rows);
  const changed = [];
  for (const { sessionId, type, data } of events) {
    const row = next.get(sessionId) ?? empty(sessionId);
    const after = type === "message" ? withMessage(row, data, sessionId === seenId) : withLeave(row, data, now);
    if (after === row) continue;
    next.set(sessionId, after);
    changed.push(sessionId);
  }
  return { rows: changed.length ? next : rows, changed };
}

/**
 * The rows when time has passed: who has left for good by that, and what is too old to be listed.
 * @param {Rows} rows
 * @param {number} now
 * @returns {{rows: Rows, settled: {row: Row, person: Person}[], changed: string[]}}  `settled`: the customers
 *   who have left by that
 */
export function settleRows(rows, now) {
  /** @type {Map<string, Row>} */
  const next = new Map(rows);
  const settled = [];
  const changed = [];
  const over = [];
  for (const [id, row] of rows) {
    const leaving = row.people.filter(({ presence, settlesAt }) => presence === "maybe back" && settlesAt <= now);
    if (leaving.length) {
      const all = row.people.map((person) => (leaving.includes(person) ? leave(person) : person));
      const left = { ...row, ...about(all, row, now) };
      next.set(id, left);
      changed.push(id);
      const customers = leaving.filter(({ type }) => type === "customer");
      settled.push(...customers.map((person) => ({ row: left, person: leave(person) })));
    }
    const latest = /** @type {Row} */ (next.get(id));
    if (!latest.session && latest.state !== "maybe back") over.push(latest);
  }
  over.sort((a, b) => (b.stateSince ?? 0) - (a.stateSince ?? 0));
  over.forEach(({ id, stateSince }, at) => {
    if (at < MOST_LEFT && now - (stateSince ?? 0) < LEFT_MS) return;
    next.delete(id);
    changed.push(id);
  });
  return { rows: changed.length ? next : rows, settled, changed };
}

/**
 * The rows once it is known why somebody has left whose leave was missed.
 * @param {Rows} rows
 * @param {string} id  of the session
 * @param {{id: string, type: string}} who
 * @param {any} departure  an update
 * @param {number} now
 * @returns {Rows}
 */
export function explained(rows, id, who, departure, now) {
  const row = rows.get(id);
  if (!row) return rows;
  const all = row.people.map((person) =>
    keyOf(person) === keyOf(who) && !person.departure && person.presence !== "here" ? { ...person, departure } : person,
  );
  return new Map(rows).set(id, { ...row, ...about(all, row, now) });
}

/** Whether somebody may take a session: a customer is there, and nobody has it, or who has it has gone. @param {Row} row */
export const isFree = ({ state, session, holder }) =>
  (!holder || !!holder.gone) && !!session && state !== "left" && state !== "empty";

/** Somebody looks at a session. @param {Rows} rows @param {string} id @returns {Rows} */
export function seen(rows, id) {
  const row = rows.get(id);
  return row?.unread ? new Map(rows).set(id, { ...row, unread: 0 }) : rows;
}

/**
 * What a customer is called: by whoever has signed their token, else as they say, else by their id.
 * @param {?Person} person
 */
export const nameOf = (person) => person?.name ?? claimed(person?.state?.name) ?? person?.id ?? "";

/** The page that somebody's client says they are on, without its query. @param {?Person} person */
export const pageOf = (person) => claimed(person?.state?.page)?.split(/[?#]/)[0] ?? "";

/** Whether a session waits for somebody: a question nobody has answered, and nobody who has it. @param {Row} row */
export const isWaiting = ({ state, askedAt, holder }) =>
  askedAt !== null && state !== "left" && state !== "empty" && (!holder || !!holder.gone);

/** @param {any} value  that a client has said */
const claimed = (value) => (typeof value === "string" && value.trim() ? value.trim() : undefined);

/** @param {{epoch: string, version?: number}} data @param {{epoch: string, version: number}} than */
function isOlder({ epoch, version = 0 }, than) {
  return epoch === than.epoch ? version <= than.version : epoch < than.epoch;
}

/** @param {string} id @returns {Row} */
function empty(id) {
  const nothing = { said: null, askedAt: null, holder: null, unread: 0 };
  return { id, session: null, people: [], customer: null, state: "empty", stateSince: null, ...nothing };
}

/** @param {Row|undefined} before @param {WatchedSession} session @param {number} now @returns {Row} */
function withSession(before, session, now) {
  const row = before ?? empty(session.id);
  const next = { ...row, session, holder: session.assignment };
  return { ...next, ...about(people(row.people, session.people, now), next, now) };
}

/** @param {Row} row @param {any} message @param {boolean} isSeen @returns {Row} */
function withMessage(row, message, isSeen) {
  const isCustomer = message.user_type === "customer";
  const at = Date.parse(message.timestamp);
  if (row.said && row.said.at > at) return row; // missed, and told late
  return {
    ...row,
    said: { text: message.text, isCustomer, at },
    askedAt: isCustomer ? (row.askedAt ?? at) : null,
    unread: isCustomer ? row.unread + (isSeen ? 0 : 1) : 0,
  };
}

/** @param {Row} row @param {any} data  of an event @param {number} now @returns {Row} */
function withLeave(row, data, now) {
  if (data.event_type !== "user_disconnected") return row;
  const who = { type: data.event_user_type, id: data.event_user_id };
  const key = keyOf(who);
  const isBack = row.session?.people.some((person) => keyOf(person) === key) && isOlder(data, row.session);
  const all = new Map(row.people.map((person) => [keyOf(person), person]));
  const known = all.get(key);
  if (isBack || (known?.departure && known.departure.timestamp >= data.timestamp)) return row;
  const settlesAt = Date.parse(data.timestamp) + settleTime(data);
  all.set(key, { since: null, ...known, ...who, presence: "maybe back", departure: data, settlesAt });
  return { ...row, ...about([...all.values()], row, now) };
}

/**
 * @param {readonly Person[]} before
 * @param {readonly Person[]} listed  who is here
 * @param {number} now
 * @returns {Person[]}
 */
function people(before, listed, now) {
  /** @type {Map<string, Person>} */
  const all = new Map();
  for (const person of before) {
    // Nobody has told yet why they have gone.
    const settlesAt = now + settleTime(null);
    all.set(keyOf(person), person.presence === "here" ? { ...person, presence: "maybe back", settlesAt } : person);
  }
  for (const person of listed) all.set(keyOf(person), person);
  return [...all.values()];
}

/** @param {Person} person @returns {Person} */
const leave = (person) => ({ ...person, presence: "left" });

/**
 * What the people say of a row.
 * @param {Person[]} all
 * @param {Row} row  as it is so far
 * @param {number} now
 */
function about(all, row, now) {
  const isStaff = (/** @type {Person} */ { type }) => (type === "customer" ? 0 : 1);
  const leftAt = (/** @type {Person} */ { departure }) => departure?.timestamp ?? "";
  const isLater = (/** @type {Person} */ a, /** @type {Person} */ b) => (leftAt(a) < leftAt(b) ? -1 : 1);
  const left = all.filter(({ presence }) => presence === "left");
  const gone = left.length > MOST_GONE ? left.sort(isLater).slice(0, -MOST_GONE) : [];
  const kept = gone.length ? all.filter((person) => !gone.includes(person)) : all;
  const sorted = kept.sort((a, b) => isStaff(a) - isStaff(b) || ORDER[a.presence] - ORDER[b.presence]);
  const customer = sorted[0]?.type === "customer" ? sorted[0] : null;
  const state = stateOf(customer);
  const isSame = state === row.state && customer?.id === row.customer?.id;
  return {
    people: sorted,
    customer,
    state,
    stateSince: isSame ? row.stateSince : since(customer, state, row, now),
    askedAt: askedAt(customer, row, now),
  };
}

/**
 * Since when a question waits: as the customer's own client says, which knows it best, but not against
 * what was heard here; else as it was heard here.
 * @param {?Person} customer
 * @param {Row} row  as it is so far
 * @param {number} now
 */
function askedAt(customer, row, now) {
  if (customer?.presence !== "here") return row.askedAt;
  const asked = Date.parse(`${customer.state?.asked}`);
  const wasAsked = row.customer?.state?.asked !== undefined;
  if (Number.isNaN(asked)) return wasAsked ? null : row.askedAt;
  if (row.said && !row.said.isCustomer && asked <= row.said.at) return null;
  return Math.min(Math.max(asked, now - LONGEST_WAIT_MS), now);
}

/** @param {?Person} customer @returns {RowState} */
function stateOf(customer) {
  if (!customer) return "empty";
  if (customer.presence !== "here") return customer.presence;
  return customer.state?.away ? "away" : "here";
}

/** @param {?Person} customer @param {RowState} state @param {Row} row @param {number} now */
function since(customer, state, row, now) {
  if (state === "maybe back" || state === "left") {
    return row.state === "maybe back" ? row.stateSince : Date.parse(customer?.departure?.timestamp ?? "") || now;
  }
  if (state === "here" && row.state !== "away") return Date.parse(customer?.since ?? "") || null;
  return row.session && row.state !== "empty" ? now : null;
}
