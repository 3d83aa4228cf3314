/**
 * Hadir's browser client: who is here now, and what just happened. No dependency, no build step.
 *
 *   import { HadirClient } from "./hadir.js";
 *   const client = new HadirClient({ url, sessionId, userId, userType: "customer" });
 *   client.addEventListener("state", ({ detail }) => render(detail.status));
 *   client.start();
 */

const HEARTBEAT_MS = 30_000;
const SHORTEST_HEARTBEAT_MS = 5_000;
const LONGEST_HEARTBEAT_MS = 300_000;
const ANSWER_MS = 10_000;
const SHORTEST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 20_000;
const SUBPROTOCOL = "hadir.v1";
const RENEW_MS = 60_000;
const SOONEST_RENEWAL_MS = 30_000;
const RENEW_AGAIN_MS = 10_000;
/** The longest that a timer takes; a longer time would be taken for none. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * What a client knows of its session.
 * @typedef {Object} State
 * @property {?Object} status     the newest `connection_status`, null before the first
 * @property {?Object} lastEvent  the newest update that had an `event_type`, null before the first
 * @property {?string} epoch      the session's life; when it changes, versions start over
 * @property {number} version         of the newest event seen
 * @property {number} statusVersion   that `status` reflects
 */

/** @type {Readonly<State>} */
export const initialState = Object.freeze({
  status: null,
  lastEvent: null,
  epoch: null,
  version: 0,
  statusVersion: 0,
});

/**
 * The state after an update. Pure. An event seen before changes nothing; a status older than the
 * one known is not taken; of an earlier life of the session nothing is.
 * @param {State} state
 * @param {Object} data  the `data` of a `connection_status_update`
 * @returns {State}
 */
export function applyUpdate(state, data) {
  if (data.epoch < state.epoch) return state;
  const known = data.epoch === state.epoch ? state : initialState;
  const next = { ...known, epoch: data.epoch };
  if (data.status_version >= known.statusVersion) {
    next.status = data.connection_status;
    next.statusVersion = data.status_version;
  }
  // A snapshot says where one stands: before the first event, and where the history is lost.
  if (!data.event_type && (known.version === 0 || data.recovered === false)) {
    next.version = data.status_version;
  }
  if (data.event_type && data.version > known.version) {
    next.lastEvent = data;
    next.version = data.version;
  }
  return next;
}

/**
 * The state after a message, which has its place in the same order. Pure.
 * @param {State} state
 * @param {Object} data  the `data` of a `message`
 * @returns {State}
 */
export function applyMessage(state, data) {
  if (data.epoch < state.epoch) return state;
  const isNewLife = data.epoch !== state.epoch;
  if (!isNewLife && data.version <= state.version) return state;
  const known = isNewLife ? { ...state, epoch: data.epoch, statusVersion: 0 } : state;
  return { ...known, version: data.version };
}

/**
 * Whether events between the last one seen and this one have not come.
 * @param {State} state
 * @param {Object} data  of an update or a message
 * @returns {boolean}
 */
export function missesSome(state, data) {
  const isNext = !data.version || data.version <= state.version + 1;
  return state.version > 0 && data.epoch === state.epoch && !isNext;
}

/**
 * Whether the session has gone further than the client knows: the last event may have been lost,
 * and nothing came after it to show the gap.
 * @param {State} state
 * @param {Object} data  of a `heartbeat_ack`
 * @returns {boolean}
 */
export function isBehind(state, data) {
  if (!data.epoch || !state.epoch) return false;
  return data.epoch > state.epoch || (data.epoch === state.epoch && data.version > state.version);
}

/** The order of two frames' data: by life, then by version, a snapshot after its last event. */
function compare(a, b) {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  const place = (data) => data.version ?? data.status_version + 0.5;
  return place(a) - place(b);
}

/**
 * How long to wait before trying again: full jitter, so that nobody comes back together.
 * @param {number} attempt  0 for the first
 * @returns {number} milliseconds
 */
export function retryDelay(attempt, random = Math.random) {
  const ceiling = Math.min(SHORTEST_RETRY_MS * 2 ** attempt, LONGEST_RETRY_MS);
  return random() * ceiling;
}

/**
 * When a token expires, as its `exp` says.
 * @param {string} token  a JSON Web Token
 * @returns {?number} milliseconds since the Unix epoch, null where it does not say
 */
export function expiryOf(token) {
  try {
    const { exp } = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    return Number.isFinite(exp) ? exp * 1000 : null;
  } catch {
    return null;
  }
}

/**
 * One person's socket in one session, kept open: it comes back when it is lost.
 *
 * Events: `state` (detail: State) after each update, `update` (detail: the update's data) for each
 * event not seen before, `connection` (detail: "connecting", "open" or "closed"), `message` and
 * `typing` (detail: the frame's data).
 */
export class HadirClient extends EventTarget {
  #address;
  #socket = null;
  #attempt = 0;
  #retry;
  #heartbeat;
  #answer;
  #state = initialState;
  /** Updates held back while the answer to `sync` is under way, which comes first; else null. */
  #held = null;
  #syncing;
  /** The server's word on when to come back; null where it said nothing, 0: do not. */
  #reconnectAfter = null;
  #getToken;
  #heartbeatMs;
  /** Counts attempts, so that a token that comes late is not used. */
  #turn = 0;
  #wanted = false;
  #renewal;

  /**
   * @param {Object} options
   * @param {string} options.url  of the WebSocket API's stage, `wss://…/{stage}`
   * @param {string} options.sessionId
   * @param {string} options.userId
   * @param {"customer"|"agent"|"admin"} options.userType
   * @param {() => string|Promise<string>} [options.getToken]  asks your backend for a token; called
   *   for each socket, and a minute before the token of an open one expires
   * @param {number} [options.heartbeatMs]  how often to say that this client is alive; under half of
   *   the deployment's HeartbeatTimeoutSeconds
   */
  constructor({ url, sessionId, userId, userType, getToken, heartbeatMs = HEARTBEAT_MS }) {
    super();
    if (!(heartbeatMs >= SHORTEST_HEARTBEAT_MS && heartbeatMs <= LONGEST_HEARTBEAT_MS)) {
      throw new TypeError("heartbeatMs must be from 5,000 to 300,000");
    }
    const query = { session_id: sessionId, user_id: userId, user_type: userType };
    for (const [name, value] of Object.entries({ url, ...query })) {
      if (!value) throw new TypeError(`HadirClient needs ${name}`);
    }
    this.#address = `${url}?${new URLSearchParams(query)}`;
    this.#getToken = getToken;
    this.#heartbeatMs = heartbeatMs;
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /** Connect, and stay connected until `close`. */
  start() {
    if (this.#wanted) return;
    this.#wanted = true;
    globalThis.addEventListener?.("online", this.#hurry);
    globalThis.document?.addEventListener("visibilitychange", this.#beat);
    this.#connect();
  }

  #connect() {
    clearTimeout(this.#retry);
    this.#emit("connection", "connecting");
    if (!this.#getToken) return this.#open();
    const turn = ++this.#turn;
    const mine = (act) => (value) => turn === this.#turn && this.#wanted && act(value);
    this.#freshToken().then(mine((token) => this.#open(token))).catch(mine(() => this.#lost()));
  }

  #open(token) {
    const offer = token ? [SUBPROTOCOL, `token.${token}`] : [];
    const socket = new WebSocket(this.#address, offer);
    this.#socket = socket;
    socket.onopen = () => {
      this.#attempt = 0;
      this.#heartbeat = setInterval(this.#beat, this.#heartbeatMs);
      if (token) this.#renew(expiryOf(token));
      if (this.#state.epoch) this.#sync();
      this.#emit("connection", "open");
    };
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = () => {
      this.#forget();
      this.#lost();
    };
  }

  #lost() {
    this.#emit("connection", "closed");
    const told = this.#reconnectAfter;
    this.#reconnectAfter = null;
    if (told === 0) return this.close();
    this.#retry = setTimeout(() => this.#connect(), told ?? retryDelay(this.#attempt++));
  }

  /** A promise of a token, rejected where `getToken` throws. */
  async #freshToken() {
    return this.#getToken();
  }

  /**
   * Prove anew who this is, shortly before what was proved expires; and again until the server says
   * `reauthorized`.
   * @param {?number} expiry  milliseconds since the Unix epoch
   */
  #renew(expiry) {
    clearTimeout(this.#renewal);
    if (expiry === null) return;
    const left = expiry - Date.now();
    const socket = this.#socket;
    const prove = async () => {
      this.#renewal = setTimeout(prove, RENEW_AGAIN_MS);
      const fresh = await this.#freshToken().catch(() => null);
      if (!fresh || socket !== this.#socket || socket.readyState !== WebSocket.OPEN) return;
      socket.send(JSON.stringify({ action: "reauthorize", token: fresh }));
    };
    const wait = Math.max(left - RENEW_MS, left / 2, SOONEST_RENEWAL_MS);
    this.#renewal = setTimeout(prove, Math.min(wait, LONGEST_TIMER_MS));
  }

  /** Leave the session. */
  close() {
    globalThis.removeEventListener?.("online", this.#hurry);
    globalThis.document?.removeEventListener("visibilitychange", this.#beat);
    clearTimeout(this.#retry);
    this.#wanted = false;
    const socket = this.#socket;
    if (!socket) return;
    this.#forget();
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
    this.#emit("connection", "closed");
  }

  #receive(frame) {
    clearTimeout(this.#answer);
    const { type, data } = frame;
    if (type === "closing") this.#reconnectAfter = data.reconnect_after_ms ?? 0;
    if (type === "reauthorized") this.#renew(Date.parse(data.expires_at));
    if (type === "typing") this.#emit("typing", data);
    if (type === "heartbeat_ack" && isBehind(this.#state, data) && !this.#held) this.#sync();
    if (type !== "connection_status_update" && type !== "message") return;
    if (!this.#held) {
      if (missesSome(this.#state, data)) this.#sync([type, data]);
      else this.#take(type, data);
      return;
    }
    this.#held.push([type, data]);
    if (type === "connection_status_update" && !data.event_type && "recovered" in data) {
      this.#release();
    }
  }

  /** Take what was held back, in order, whatever is still missing. */
  #release = () => {
    clearTimeout(this.#syncing);
    const held = this.#held.sort(([, a], [, b]) => compare(a, b));
    this.#held = null;
    for (const [type, data] of held) this.#take(type, data);
  };

  #take(type, data) {
    const before = this.#state;
    this.#state = type === "message" ? applyMessage(before, data) : applyUpdate(before, data);
    if (this.#state === before) return;
    this.#emit(type === "message" ? "message" : "state", type === "message" ? data : this.#state);
    if (this.#state.lastEvent !== before.lastEvent && this.#state.lastEvent) {
      this.#emit("update", data);
    }
  }

  /** Ask for what was missed; `first` is held back until it has come. */
  #sync(...first) {
    this.#held = first;
    this.#syncing = setTimeout(this.#release, ANSWER_MS);
    const { epoch, version } = this.#state;
    this.#socket.send(JSON.stringify({ action: "sync", since: { epoch, version } }));
  }

  /** A socket that does not answer is dead, whatever the browser believes. */
  #beat = () => {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send('{"action":"heartbeat"}');
    clearTimeout(this.#answer);
    this.#answer = setTimeout(() => this.#replace(), ANSWER_MS);
  };

  #hurry = () => {
    if (this.#socket) this.#beat();
    else this.#connect();
  };

  #replace() {
    const socket = this.#socket;
    if (!socket) return;
    const { onclose } = socket;
    socket.onmessage = socket.onclose = null;
    socket.close();
    onclose.call(socket);
  }

  #forget() {
    this.#socket = null;
    this.#held = null;
    clearTimeout(this.#syncing);
    clearInterval(this.#heartbeat);
    clearTimeout(this.#answer);
    clearTimeout(this.#renewal);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
