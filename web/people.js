/**
 * The calm view of who is here: somebody whose socket is gone may be back in a moment, on the next
 * page or after a tunnel. Pure; times are milliseconds of the caller's clock.
 */

/**
 * @typedef {import("./state.js").Update} Update
 *
 * @typedef {Object} Person
 * @property {string} id
 * @property {import("./state.js").UserType} type
 * @property {"here"|"maybe back"|"left"} presence
 * @property {?string} since  when they came, RFC 3339; null where that is not known
 * @property {?Update} departure  the event that told of their leave, with `timestamp`, `reason`,
 *   `evidence`, `close_code`; null while they are here, and where it was missed
 * @property {string} [name]  what their token says
 * @property {string} [avatar]  an `https://` URL, likewise
 * @property {import("./state.js").PersonState} [state]  what their client has set, with `away` where
 *   they do not look
 * @property {number} settlesAt  when `maybe back` becomes `left`; Infinity while they are here
 *
 * @typedef {ReadonlyMap<string, Person>} People
 *
 * @typedef {Record<string, number>} SettleTimes  how long somebody who left counts as `maybe back`,
 *   in milliseconds by reason; `page`: their page was closed or left, and the next one may bring
 *   them back
 */

/** People who have left and are still listed; the oldest go first. */
const MOST_LEFT = 100;
const USUAL_MS = 5_000;

/** Who had been silent for minutes, or was put out, is not about to return. @type {SettleTimes} */
const SETTLE_MS = {
  page: 10_000,
  heartbeat_timeout: 0,
  idle_timeout: 0,
  kicked: 0,
  rate_limited: 0,
};
/** Close codes of a page that went; 1001 is the browser's own. */
const PAGE_CODES = [1001, 4001];

/** @param {{type: string, id: string}} person */
const keyOf = ({ type, id }) => `${type}:${id}`;

/**
 * @param {?Pick<Update, "reason"|"close_code">} departure
 * @param {number|SettleTimes} [times]  one for all reasons, or some of them
 * @returns {number} milliseconds
 */
export function settleTime(departure, times) {
  if (typeof times === "number") return times;
  const isPage = PAGE_CODES.includes(departure?.close_code ?? 0);
  return { ...SETTLE_MS, ...times }[isPage ? "page" : `${departure?.reason}`] ?? USUAL_MS;
}

/**
 * The people after an update.
 * @param {People} people
 * @param {Update} data
 * @param {Object} how
 * @param {import("./state.js").ConnectionStatus} how.status  the newest known
 * @param {number} how.now
 * @param {number} how.age  how long ago the event happened
 * @param {number|SettleTimes} [how.times]
 * @returns {People}
 */
export function applyToPeople(people, data, { status, now, age, times }) {
  /** @type {Map<string, Person>} */
  const next = new Map(people);
  /** @type {Map<string, Person>} */
  const listed = new Map();
  for (const key in status.users) {
    const { user_type, user_id = key, connected_at, connections, ...shown } = status.users[key];
    const person = { ...here(user_id, user_type, connected_at), ...shown };
    listed.set(keyOf(person), person);
  }
  /** @param {string} key @param {Person} person @param {?Update} departure */
  const leave = (key, person, departure) => {
    const settlesAt = now + settleTime(departure, times) - (departure ? age : 0);
    next.delete(key); // so that the last to leave is the last in order
    next.set(key, { ...person, presence: "maybe back", departure, settlesAt });
  };
  if (status === data.connection_status) {
    for (const [key, person] of listed) next.set(key, person);
    for (const [key, person] of people) {
      if (person.presence === "here" && !listed.has(key) && !data.users_truncated) leave(key, person, null);
    }
  }
  if (!data.event_type) return next;
  const { event_user_id, event_user_type } = /** @type {Required<Update>} */ (data);
  const person = here(event_user_id, event_user_type, null);
  const key = keyOf(person);
  if (listed.has(key)) return next; // back already, or just come
  const known = next.get(key);
  if (data.event_type === "user_disconnected") {
    if (!(data.timestamp <= (known?.departure?.timestamp ?? ""))) leave(key, known ?? person, data);
  } else if (data.users_truncated) next.set(key, { ...person, since: data.timestamp });
  return next;
}

/**
 * The people when time has passed, and who of them has left for good by that.
 * @param {People} people
 * @param {number} now
 * @returns {{people: People, left: Person[], next: number}}  `next`: when to look again, or Infinity
 */
export function settle(people, now) {
  /** @type {Map<string, Person>} */
  const settled = new Map(people);
  /** @type {Person[]} */
  const left = [];
  let next = Infinity;
  for (const [key, person] of people) {
    if (person.presence !== "maybe back") continue;
    if (person.settlesAt > now) next = Math.min(next, person.settlesAt);
    else {
      /** @type {Person} */
      const gone = { ...person, presence: "left" };
      left.push(gone);
      settled.set(key, gone);
    }
  }
  const all = [...settled].filter(([, { presence }]) => presence === "left");
  for (const [key] of all.slice(0, -MOST_LEFT)) settled.delete(key);
  return { people: left.length ? settled : people, left, next };
}

/**
 * @param {string} id
 * @param {import("./state.js").UserType} type
 * @param {?string} since
 * @returns {Person}
 */
function here(id, type, since) {
  return { id, type, presence: "here", since, departure: null, settlesAt: Infinity };
}
