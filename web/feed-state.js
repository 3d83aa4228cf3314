/**
 * What a console knows of all sessions, and how a frame changes it (docs/protocol.md, "Watching"). Pure;
 * times are milliseconds of the caller's clock.
 */

/** After so long an answer will not come any more, and the question is asked again. */
const ANSWER_MS = 10_000;
/** Sessions that are known as empty, lest an older frame fills them; the oldest go first. */
const MOST_EMPTY = 1_000;

/**
 * @typedef {import("./state.js").ConnectionStatus} ConnectionStatus
 *
 * @typedef {Object} Holder  who has a session
 * @property {string} user_id
 * @property {import("./state.js").UserType} user_type
 * @property {true} [gone]  they are in no session any more: anybody may take it
 *
 * @typedef {Object} Known  a session
 * @property {string} id
 * @property {string} epoch
 * @property {number} version  of the newest event known, by its status or by itself
 * @property {?ConnectionStatus} status  null where only a message or an assignment has told of it
 * @property {number} statusVersion  that `status` reflects
 * @property {?Holder} assignment
 * @property {number} assignedAt  the version that `assignment` reflects
 * @property {Position} [toldAt]  of the last feed frame that told of it
 *
 * @typedef {Readonly<Record<string, number>>} Position  serials, by feed
 *
 * @typedef {Object} FeedState
 * @property {ReadonlyMap<string, Known>} sessions  also those in which nobody is any more
 * @property {Position} position  of each feed, up to where everything is known
 * @property {ReadonlyMap<string, number>} missing  the feeds of which it is not known whether something
 *   is missing, or is known that it is; and when that was asked for
 * @property {ReadonlySet<string>} unconfirmed  sessions known from before the pages that now come
 * @property {?string} next  the page that is wanted; null where all have come
 * @property {number} nextAt  when a page was asked for that has not come; -Infinity: none
 * @property {boolean} isMixed  the next page to come may be of an earlier list: none is taken
 * @property {boolean} isListed  a first page has come
 * @property {boolean} isForbidden  that was refused, on this socket
 * @property {number} startedAt  when the server was last asked to let this socket watch
 *
 * @typedef {{state: FeedState, ask: Object[]}} Taken  `ask`: what to send to the server now
 */

/** @type {FeedState} */
export const initialFeedState = Object.freeze({
  sessions: new Map(),
  position: {},
  missing: new Map(),
  unconfirmed: new Set(),
  next: null,
  nextAt: -Infinity,
  isMixed: false,
  isListed: false,
  isForbidden: false,
  startedAt: 0,
});

/** What is asked has this name, which a refusal repeats. */
export const WATCH_ALL = "watch-all";
const WATCH = { action: "watch", all: true, client_id: WATCH_ALL };

/**
 * Whether all sessions are known, as far as anybody can know: a frame that was lost shows with the next
 * one of its feed, or with the next heartbeat.
 * @param {FeedState} state
 */
export const isComplete = ({ isListed, next, missing }) => isListed && next === null && !missing.size;

/**
 * There is a new socket.
 * @param {FeedState} state
 * @param {number} now
 * @returns {Taken}
 */
export function start(state, now) {
  const { state: watching, ask } = watch(state, now);
  const { next } = state;
  return {
    state: { ...watching, isForbidden: false, nextAt: next === null ? -Infinity : now, isMixed: false },
    ask: next === null ? ask : [...ask, { ...WATCH, next }],
  };
}

/** The token is not for all sessions: what is asked again on this socket is refused again. @param {FeedState} state */
export const refuse = (state) => ({ ...state, isForbidden: true });

/**
 * The server is to let this socket watch, and to tell what was missed.
 * @param {FeedState} state
 * @param {number} now
 * @returns {Taken}
 */
function watch(state, now) {
  const { isListed, position } = state;
  const missing = new Map(isListed ? Object.keys(position).map((feed) => [feed, now]) : []);
  const ask = [isListed ? { ...WATCH, position } : WATCH];
  return { state: { ...state, missing, startedAt: now }, ask };
}

/**
 * @param {FeedState} state
 * @param {{type: string, data: any}} frame
 * @param {number} now
 * @returns {Taken}  the same state, where the frame tells nothing of all sessions
 */
export function take(state, { type, data }, now) {
  if (type === "feed") return takeFeed(state, data, now);
  if (type === "heartbeat_ack") return takeBeat(state, data, now);
  if (type !== "watching") return { state, ask: [] };
  const feeds = Object.keys(data.position);
  if (!feeds.length) return takePage(state, data, now);
  const isNews = feeds.some((feed) => data.position[feed] > known(state, feed));
  if (state.isListed && !data.recovered && !isNews) return { state, ask: [] }; // overtaken by another list
  const missing = new Map(state.missing);
  for (const feed of feeds) missing.delete(feed);
  const position = { ...state.position };
  for (const feed of feeds) position[feed] = Math.max(known(state, feed), data.position[feed]);
  const proved = { ...state, missing, position };
  if (data.recovered) return { state: pruned(proved), ask: [] };
  const unconfirmed = new Set(state.sessions.keys());
  for (const [id, { toldAt = {} }] of state.sessions) {
    // A frame may overtake the list that was read before its events.
    if (Object.keys(toldAt).some((feed) => toldAt[feed] > data.position[feed])) unconfirmed.delete(id);
  }
  const isMixed = !isOld(state.nextAt, now);
  return list({ ...proved, unconfirmed, isListed: true, isMixed }, data, now);
}

/**
 * The state after something that was told of one session: an update or a snapshot, an assignment, a
 * message. Of an earlier life of the session nothing is taken, and no status older than the one known.
 * @param {Known|undefined} before
 * @param {any} data
 * @param {Position} [toldAt]
 * @returns {Known}
 */
export function applyToSession(before, data, toldAt = before?.toldAt) {
  const { session_id: id, epoch, version = 0, status_version = 0, connection_status, assignment } = data;
  const isSameLife = epoch === before?.epoch;
  if (before && epoch < before.epoch) return before;
  const first = { status: null, assignment: null };
  const last = { statusVersion: 0, assignedAt: 0, version: 0 };
  /** @type {Known} */
  const next = { ...first, ...last, ...before, ...(isSameLife ? {} : last), id, epoch, toldAt };
  if (connection_status && status_version >= next.statusVersion) {
    next.status = connection_status;
    next.statusVersion = status_version;
  }
  const at = connection_status ? status_version : version || status_version;
  if ((connection_status || "assignment" in data) && at >= next.assignedAt) {
    next.assignment = assignment ?? null;
    next.assignedAt = at;
  }
  next.version = Math.max(next.version, version, status_version);
  return next;
}

/**
 * The state after something that was told of a session that is known, outside the feeds.
 * @param {FeedState} state
 * @param {any} data
 * @returns {FeedState}
 */
export function tell(state, data) {
  const before = state.sessions.get(data.session_id);
  if (!before) return state;
  return { ...state, sessions: new Map(state.sessions).set(before.id, applyToSession(before, data)) };
}

/**
 * Whether an answer will not come any more.
 * @param {number} at  when it was asked for
 * @param {number} now
 */
export const isOld = (at, now) => now - at >= ANSWER_MS;

/** @param {FeedState} state @param {string} feed */
const known = ({ position }, feed) => position[feed] ?? 0;

/**
 * @param {FeedState} state
 * @param {any} data
 * @param {number} now
 * @returns {Taken}
 */
function takeFeed(state, data, now) {
  const feeds = Object.keys(data.position);
  // What is known already may be of what a node has lost since.
  if (feeds.every((feed) => data.position[feed] <= known(state, feed))) return { state, ask: [] };
  const sessions = new Map(state.sessions);
  const unconfirmed = new Set(state.unconfirmed);
  for (const { data: event } of data.events) {
    const id = event.session_id;
    const next = applyToSession(sessions.get(id), event, data.position);
    sessions.delete(id); // so that the last told is the last in order
    sessions.set(id, next);
    unconfirmed.delete(id);
  }
  const next = { ...state, sessions, unconfirmed };
  if (!state.isListed) return { state: next, ask: [] }; // the list will say where it stands
  const position = { ...state.position };
  const missed = [];
  for (const feed of feeds) {
    if (known(state, feed) < data.previous[feed]) missed.push(feed);
    else position[feed] = Math.max(known(state, feed), data.position[feed]);
  }
  const fresh = missed.filter((feed) => !state.missing.has(feed));
  return catchUp({ ...next, position }, fresh, now);
}

/**
 * @param {FeedState} state
 * @param {{feed?: Position}} data
 * @param {number} now
 * @returns {Taken}
 */
function takeBeat(state, { feed: places }, now) {
  if (state.isForbidden) return { state, ask: [] };
  // Without places the server has forgotten that this socket watches, or has not heard it yet.
  if (!places || !state.isListed) return isOld(state.startedAt, now) ? watch(state, now) : { state, ask: [] };
  const behind = Object.keys(places).filter((feed) => places[feed] > known(state, feed));
  const fresh = behind.filter((feed) => !state.missing.has(feed));
  const again = [...state.missing].filter(([, at]) => isOld(at, now)).map(([feed]) => feed);
  const caught = catchUp(state, [...fresh, ...again], now);
  const { next, nextAt } = state;
  if (next === null || !isOld(nextAt, now)) return caught;
  return {
    state: { ...caught.state, nextAt: now, isMixed: false },
    ask: [...caught.ask, { ...WATCH, next }],
  };
}

/**
 * A page after the first. One that nobody waits for is of an earlier list, which may tell of what a node
 * has lost since.
 * @param {FeedState} state
 * @param {any} data
 * @param {number} now
 * @returns {Taken}
 */
function takePage(state, data, now) {
  const isWanted = state.next !== null && !state.isMixed;
  return isWanted ? list({ ...state, nextAt: -Infinity }, data, now) : { state, ask: [] };
}

/**
 * @param {FeedState} state
 * @param {any} data  of a page
 * @param {number} now
 * @returns {Taken}
 */
function list(state, data, now) {
  const sessions = new Map(state.sessions);
  const unconfirmed = new Set(state.unconfirmed);
  for (const session of data.sessions) {
    const id = session.session_id;
    // What was known of it may be what a node has lost.
    const before = unconfirmed.delete(id) ? undefined : sessions.get(id);
    sessions.set(id, applyToSession(before, session));
  }
  const { next } = data;
  const listed = { ...state, sessions, unconfirmed, next };
  if (next !== null && state.isMixed) return { state: listed, ask: [] }; // with a later heartbeat
  if (next !== null) return { state: { ...listed, nextAt: now }, ask: [{ ...WATCH, next }] };
  for (const id of unconfirmed) sessions.delete(id);
  return { state: pruned({ ...listed, unconfirmed: new Set() }), ask: [] };
}

/**
 * @param {FeedState} state
 * @param {string[]} feeds  in which something is missing
 * @param {number} now
 * @returns {Taken}
 */
function catchUp(state, feeds, now) {
  if (!feeds.length) return { state, ask: [] };
  const missing = new Map(state.missing);
  /** @type {Record<string, number>} */
  const position = {};
  for (const feed of feeds) {
    missing.set(feed, now);
    position[feed] = known(state, feed);
  }
  return { state: { ...state, missing }, ask: [{ ...WATCH, position }] };
}

/** @param {FeedState} state @returns {FeedState} */
function pruned(state) {
  if (!isComplete(state)) return state;
  const empty = [...state.sessions].filter(([, { status }]) => status && !isOccupied(status));
  if (empty.length <= MOST_EMPTY) return state;
  const sessions = new Map(state.sessions);
  for (const [id] of empty.slice(0, -MOST_EMPTY)) sessions.delete(id);
  return { ...state, sessions };
}

/**
 * Whether somebody is there.
 * @param {?ConnectionStatus} status
 */
export const isOccupied = (status) => !!status && status.total_customer + status.total_agent > 0;
