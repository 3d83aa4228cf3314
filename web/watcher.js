/**
 * A console: all sessions in which somebody is, who has them, and what happens in them, over one socket.
 *
 *   import { HadirWatcher } from "./watcher.js";
 *   const watcher = new HadirWatcher({ url, userId: "amy", userType: "agent", getToken });
 *   watcher.on("sessions", (sessions) => render(sessions));
 *   watcher.start();
 *   await watcher.take("s1");
 */

import { AssignmentError, assigning } from "./assigning.js";
import { FINAL_STATES, keepConnected } from "./connection.js";
import { eventsIn } from "./events-in.js";
import { initialFeedState, isComplete, refuse, start, take, tell, WATCH_ALL } from "./feed-state.js";
import { isId, socketAddress } from "./options.js";
import { answered, ask, eventsBefore, isRefused, LAST_VERSION } from "./rest.js";
import { rested } from "./rested.js";
import { singles } from "./singles.js";
import { checkState, stateOfMine } from "./state-of-mine.js";
import { tableOf } from "./table.js";
import * as times from "./times.js";
import { toldOnce } from "./told-once.js";

export { AssignmentError };

/**
 * @typedef {import("./connection.js").ConnectionState} ConnectionState
 * @typedef {import("./feed-state.js").Holder} Holder
 * @typedef {import("./hadir.js").HadirError} HadirError
 * @typedef {import("./table.js").WatchedSession} WatchedSession
 *
 * @typedef {Object} WatchedEvent
 * @property {string} sessionId
 * @property {"update"|"message"|"assignment"} type
 * @property {any} data  as docs/protocol.md has it: an Update, a Message, an assignment
 *
 * @typedef {Object} WatcherEvents
 * @property {readonly WatchedSession[]} sessions  the table, or `isCurrent`, has changed
 * @property {WatchedEvent} event  each once; of a session in their order, but for those that were missed
 * @property {{sessionId: ?string}} gap  events that were missed will not come; null: of any session
 * @property {ConnectionState} connection
 * @property {import("./hadir.js").Closing} closing
 * @property {WatcherError} error
 *
 * @typedef {HadirError & {sessionId?: string}} WatcherError  `sessionId`: which could not be watched
 *
 * @typedef {Omit<import("./hadir.js").HadirOptions, "sessionId"|"settleMs"> & ForWatchers} WatcherOptions
 *
 * @typedef {Object} ForWatchers
 * @property {string} [sessionId]  the console's own session, in which it is present; by default `desk`
 * @property {boolean} [all]  whether to watch all sessions, by default true; the token must be for `*`
 */

/**
 * An EventTarget that knows its events.
 * @typedef {Omit<EventTarget, "addEventListener"|"removeEventListener"> & {
 *   addEventListener<K extends keyof WatcherEvents>(type: K,
 *     listener: (event: CustomEvent<WatcherEvents[K]>) => void, options?: boolean|AddEventListenerOptions): void,
 *   removeEventListener<K extends keyof WatcherEvents>(type: K,
 *     listener: (event: CustomEvent<WatcherEvents[K]>) => void, options?: boolean|EventListenerOptions): void,
 * }} WatcherTarget
 */
const Target = /** @type {new () => WatcherTarget} */ (/** @type {unknown} */ (EventTarget));

/** In these nobody answers, before the next `start`. */
const STOPPED = new Set(["closed", ...FINAL_STATES]);

/** An agent or an admin who watches sessions without being in them. */
export class HadirWatcher extends Target {
  /** @type {ConnectionState} */
  connection = "closed";
  /** Why it does not work, since the socket was last open; null where it does. @type {?WatcherError} */
  error = null;
  /** When the server was last heard, by `performance.now()`; -Infinity: not yet. */
  heardAt = -Infinity;
  /** How long the answer to the last heartbeat took, ms; null: none has come on this socket. @type {?number} */
  delay = null;

  #environment;
  #options;
  #connection;
  #assigning;
  #mine;
  #told = toldOnce();
  #feed = initialFeedState;
  /** Those that are watched one by one. */
  #singles;
  /** What the console has said since the socket was last open. */
  #said = new Set();
  #isOpen = false;
  /** Redis was away since the last heartbeat: what it would have told may be missing. */
  #isDoubted = false;
  #isChanged = false;
  #announce;
  #beatenAt = 0;
  /** How far this machine's clock is behind the server's, ms. */
  #behind = 0;
  /** @type {readonly WatchedSession[]} */
  #sessions = [];

  /**
   * @param {WatcherOptions} options
   * @param {import("./environment.js").Environment} [environment]  for tests: a clock, sockets
   * @throws {TypeError} an option is missing, or is not what the server takes
   */
  constructor(options, environment = globalThis) {
    super();
    const { sessionId = "desk", all = true } = options;
    const { heartbeatMs = times.HEARTBEAT_MS, lifetimeMs = times.LIFETIME_MS } = options;
    this.#options = { ...options, sessionId, all };
    if (options.userType === "customer") throw new TypeError("userType must be agent or admin");
    const address = socketAddress(this.#options);
    this.#environment = environment;
    this.#announce = rested(environment, () => this.#emit("sessions", this.sessions));
    const beaten = () => (this.#beatenAt = this.#now());
    this.#connection = keepConnected(environment, { ...options, address, heartbeatMs, lifetimeMs, beaten }, {
      state: (state, why) => this.#turn(state, why),
      open: () => this.#open(),
      frame: (frame) => this.#hear(frame),
      lost: () => this.#lose(),
      error: (code, message) => this.#fail({ code, message }),
      isRefused: () => isRefused(this.#options),
    });
    this.#assigning = assigning(environment, this.#connection.send);
    this.#singles = singles(environment, this.#connection.send, () => this.#change());
    this.#mine = stateOfMine(environment, this.#connection.send, options);
  }

  /**
   * The sessions in which somebody is, and those that are watched one by one; without the console's own.
   * Who has been there longest comes first.
   * @returns {readonly WatchedSession[]}
   */
  get sessions() {
    if (this.#isChanged) this.#build();
    return this.#sessions;
  }

  /** Whether the table is the newest: not after a loss, until it is known what was missed. */
  get isCurrent() {
    if (this.connection !== "open" || !this.#isOpen || this.#isDoubted) return false;
    const isListed = !this.#options.all || isComplete(this.#feed);
    return isListed && this.#singles.all().every(({ isProved }) => isProved);
  }

  /** The server's time, milliseconds since the Unix epoch: this machine's clock may be wrong. */
  serverNow() {
    return this.#environment.Date.now() + this.#behind;
  }

  /**
   * Listen to an event, without the `event.detail` around it.
   * @template {keyof WatcherEvents} K
   * @param {K} type
   * @param {(detail: WatcherEvents[K]) => void} handler
   * @returns {() => void} stops listening
   */
  on(type, handler) {
    const listener = (/** @type {CustomEvent<WatcherEvents[K]>} */ { detail }) => handler(detail);
    this.addEventListener(type, listener);
    return () => this.removeEventListener(type, listener);
  }

  /** Connect, and stay connected until `close`. Also starts again what has stopped for good. */
  start() {
    this.#connection.start();
  }

  /** Leave. What was asked for and is not answered fails. */
  close() {
    this.#connection.close();
  }

  /**
   * Take a session, if nobody has it, or whoever has it has gone for good.
   * @param {string} sessionId
   * @returns {Promise<?Holder>}  oneself, as the token says
   * @throws {AssignmentError} `conflict`: somebody else has it, `assigned` says who; see `assign`
   */
  take(sessionId) {
    return this.#assign(sessionId, {});
  }

  /**
   * Say who has a session. Without `expect`, only of one that can be taken, or that oneself has.
   * @param {string} sessionId
   * @param {?string} userId  null: nobody
   * @param {{userType?: "agent"|"admin", expect?: ?string}} [how]  `expect`: the id of who has it now, null:
   *   nobody
   * @returns {Promise<?Holder>}  who has it now
   * @throws {AssignmentError} it is refused, not answered, or the console is closed; its `code` says which.
   *   Without a socket it waits for the next one, 10 s at most
   */
  async assign(sessionId, userId, { userType, expect } = {}) {
    if (userId !== null && !isId(userId)) throw new TypeError(`userId must be an id or null, not ${userId}`);
    return this.#assign(sessionId, { user_id: userId, user_type: userType, expect });
  }

  /**
   * Watch a session by itself, if the token is for it. Not needed where all are watched. Where it was
   * refused as `forbidden`, ask again, which is otherwise done on the next socket.
   * @param {string} sessionId
   */
  watch(sessionId) {
    this.#singles.watch(sessionId);
  }

  /** @param {string} sessionId */
  unwatch(sessionId) {
    this.#singles.unwatch(sessionId);
  }

  /**
   * Show everyone in the console's own session something of this person, as `setState` of HadirChat.
   * @param {import("./state.js").PersonState} state
   * @throws {TypeError} it is not what the server takes
   * @throws {RangeError} it is too large
   */
  setState(state) {
    checkState(state, this.#options.away);
    this.#mine.set(state);
  }

  /**
   * Why each person is in a session, socket by socket (docs/protocol.md, "Why somebody is there").
   * @param {string} sessionId
   * @returns {Promise<any>}
   * @throws {Error} there is no `apiUrl`, or the API refuses; the message says which
   */
  async explain(sessionId) {
    return answered(await ask({ ...this.#options, sessionId }, "explain"));
  }

  /**
   * Put somebody out of a session (admins).
   * @param {string} sessionId
   * @param {{id: string, type: import("./state.js").UserType}} person
   * @throws {Error} there is no `apiUrl`, or the API refuses; the message says which
   */
  async kick(sessionId, { id, type }) {
    const what = `users/${encodeURIComponent(id)}?user_type=${type}`;
    const answer = await ask({ ...this.#options, sessionId }, what, "DELETE");
    if (!answer.ok) await answered(answer, "not put out");
  }

  /**
   * What happened in a session before an event, oldest first: joins, leaves, messages, assignments.
   * @param {string} sessionId
   * @param {{before?: number, limit?: number}} [where]  `before`: a version, by default of what comes
   *   next; `limit`: at most 200, by default 50
   * @returns {Promise<any[]>}  without a status
   * @throws {Error} there is no `apiUrl`, or the API refuses; the message says which
   */
  async history(sessionId, { before = LAST_VERSION, limit } = {}) {
    return eventsBefore({ ...this.#options, sessionId }, { before, limit });
  }

  /**
   * Whether agents would answer, as customers are told it.
   * @param {string} [tenant]
   * @returns {Promise<{agents: "live"|"reachable"|"away"|"offline"}>}
   * @throws {Error} there is no `apiUrl`, or the API does not say
   */
  async availability(tenant = "default") {
    const { apiUrl } = this.#options;
    if (!apiUrl) throw new Error("apiUrl is needed");
    const query = new URLSearchParams({ tenant });
    return answered(await fetch(`${apiUrl.replace(/\/+$/, "")}/api/availability?${query}`));
  }

  /** @param {string} sessionId @param {Record<string, any>} how */
  async #assign(sessionId, how) {
    if (!isId(sessionId)) throw new TypeError(`sessionId must be an id, not ${sessionId}`);
    if (STOPPED.has(this.connection)) throw new AssignmentError("closed", "the console is closed");
    return this.#assigning.ask({ action: "assign", session_id: sessionId, ...how });
  }

  #now = () => this.#environment.performance.now();

  /** @template {keyof WatcherEvents} K @param {K} type @param {WatcherEvents[K]} detail */
  #emit(type, detail) {
    return this.dispatchEvent(new CustomEvent(type, { detail, cancelable: type === "error" }));
  }

  #open() {
    this.error = null;
    this.#said.clear();
    this.#isOpen = true;
    this.#isDoubted = false;
    if (this.#options.all) this.#go(start(this.#feed, this.#now()));
    this.#singles.opened();
    this.#assigning.opened();
    this.#mine.opened();
    this.#change();
  }

  #lose() {
    this.#isOpen = false;
    this.delay = null;
    this.#singles.lost();
    this.#assigning.lost();
    this.#mine.lost();
    this.#change();
  }

  /** @param {ConnectionState} state @param {string} [why] */
  #turn(state, why) {
    this.connection = state;
    if (why) this.#fail({ code: state, message: why });
    if (STOPPED.has(state)) this.#assigning.closed();
    this.#emit("connection", this.connection);
    this.#change();
  }

  /** @param {WatcherError} error */
  #fail(error) {
    if (this.connection !== "open") this.error = error;
    const isNews = !this.#said.has(error.code);
    this.#said.add(error.code);
    if (this.#emit("error", error) && isNews) console.warn(`Hadir: ${error.message} (${error.code})`);
  }

  /** @param {import("./feed-state.js").Taken} taken */
  #go({ state, ask: messages }) {
    if (state !== this.#feed) this.#change();
    this.#feed = state;
    for (const message of messages) this.#connection.send(message);
  }

  /** @param {{type: string, data: any}} frame  API Gateway's own have no type */
  #hear(frame) {
    const { type, data } = frame;
    this.heardAt = this.#now();
    if (type === "closing") this.#emit("closing", data);
    else if (type === "error") this.#refuse(data);
    else if (type === "heartbeat_ack") this.#beat(frame);
    else if (type === "feed" || type === "watching") {
      if (this.#options.all) this.#go(take(this.#feed, frame, this.#now()));
      if (data.recovered === false) this.#emit("gap", { sessionId: null });
      for (const each of data.events ?? []) this.#tell(each);
    } else if (["connection_status_update", "message", "assignment", "events"].includes(type)) {
      this.#hearOne(frame);
    }
  }

  /** @param {any} error  of the server, which says of what only of questions that have a name */
  #refuse(error) {
    if (error.code === "unavailable" && !this.#isDoubted) {
      this.#isDoubted = true;
      this.#change();
    }
    if (this.#assigning.refused(error)) return;
    this.#mine.refused(error);
    const isOfAll = error.client_id === WATCH_ALL;
    if (isOfAll && error.code === "forbidden") this.#feed = refuse(this.#feed);
    const sessionId = this.#singles.refused(error);
    this.#fail(sessionId ? { ...error, sessionId } : error);
  }

  /** @param {{type: string, data: any}} frame */
  #beat(frame) {
    if (this.#isDoubted) this.#change();
    this.#isDoubted = false;
    this.delay = this.#now() - this.#beatenAt;
    this.#behind = Date.parse(frame.data.server_time) - this.#environment.Date.now() || 0;
    if (this.#options.all) this.#go(take(this.#feed, frame, this.#now()));
    this.#singles.beat(frame.data.watching ?? []);
  }

  /**
   * Something of one session: of one's own, of one that is watched by itself, or an answer to `assign`.
   * @param {{type: string, data: any}} frame
   */
  #hearOne(frame) {
    const { type, data } = frame;
    const id = data.session_id;
    if (id === this.#options.sessionId) this.#mine.told(data);
    const single = this.#singles.get(id);
    if (single) {
      if (data.recovered === false && single.place) this.#emit("gap", { sessionId: id });
      this.#singles.told(single, data);
      this.#tell(frame);
    }
    if (type !== "assignment") return;
    if (this.#options.all) this.#go({ state: tell(this.#feed, data), ask: [] });
    this.#assigning.told(data);
  }

  /** @param {{type: string, data: any}} frame */
  #tell(frame) {
    const { session_id: sessionId } = frame.data;
    if (sessionId === this.#options.sessionId) return;
    for (const { type, data } of eventsIn(frame)) {
      if (this.#told.isNew(data)) this.#emit("event", { sessionId, type, data });
    }
  }

  /** The table is another. */
  #change() {
    this.#isChanged = true;
    this.#announce();
  }

  #build() {
    this.#isChanged = false;
    const singles = this.#singles.all().map(({ session }) => session);
    this.#sessions = tableOf(this.#feed.sessions.values(), singles, this.#options.sessionId);
    this.#told.keep((id) => this.#feed.sessions.has(id) || !!this.#singles.get(id));
  }
}
