/**
 * Hadir's browser client: who is here now, and what just happened. No dependency, no build step.
 *
 *   import { HadirClient } from "./hadir.js";
 *   const client = new HadirClient({ url, sessionId, userId, userType: "customer" });
 *   client.addEventListener("state", ({ detail }) => render(detail.status));
 *   client.start();
 */

const HEARTBEAT_MS = 30_000;
const ANSWER_MS = 10_000;
const SHORTEST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 20_000;

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
 * one known is not taken.
 * @param {State} state
 * @param {Object} data  the `data` of a `connection_status_update`
 * @returns {State}
 */
export function applyUpdate(state, data) {
  const known = data.epoch === state.epoch ? state : initialState;
  const next = { ...known, epoch: data.epoch };
  if (data.status_version >= known.statusVersion) {
    next.status = data.connection_status;
    next.statusVersion = data.status_version;
  }
  if (data.event_type && data.version > known.version) {
    next.lastEvent = data;
    next.version = data.version;
  }
  return next;
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
 * One person's socket in one session, kept open: it comes back when it is lost.
 *
 * Events: `state` (detail: State) after each update, `update` (detail: the update's data) for each
 * event not seen before, `connection` (detail: "connecting", "open" or "closed").
 */
export class HadirClient extends EventTarget {
  #address;
  #socket = null;
  #attempt = 0;
  #retry;
  #heartbeat;
  #answer;
  #state = initialState;

  /**
   * @param {Object} options
   * @param {string} options.url  of the WebSocket API's stage, `wss://…/{stage}`
   * @param {string} options.sessionId
   * @param {string} options.userId
   * @param {"customer"|"agent"|"admin"} options.userType
   */
  constructor({ url, sessionId, userId, userType }) {
    super();
    const query = { session_id: sessionId, user_id: userId, user_type: userType };
    for (const [name, value] of Object.entries({ url, ...query })) {
      if (!value) throw new TypeError(`HadirClient needs ${name}`);
    }
    this.#address = `${url}?${new URLSearchParams(query)}`;
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /** Connect, and stay connected until `close`. */
  start() {
    if (this.#socket) return;
    clearTimeout(this.#retry);
    globalThis.addEventListener?.("online", this.#hurry);
    globalThis.document?.addEventListener("visibilitychange", this.#beat);
    this.#emit("connection", "connecting");
    const socket = new WebSocket(this.#address);
    this.#socket = socket;
    socket.onopen = () => {
      this.#attempt = 0;
      this.#heartbeat = setInterval(this.#beat, HEARTBEAT_MS);
      this.#emit("connection", "open");
    };
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = () => {
      this.#forget();
      this.#emit("connection", "closed");
      this.#retry = setTimeout(() => this.start(), retryDelay(this.#attempt++));
    };
  }

  /** Leave the session. */
  close() {
    globalThis.removeEventListener?.("online", this.#hurry);
    globalThis.document?.removeEventListener("visibilitychange", this.#beat);
    clearTimeout(this.#retry);
    const socket = this.#socket;
    if (!socket) return;
    this.#forget();
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
    this.#emit("connection", "closed");
  }

  #receive(frame) {
    clearTimeout(this.#answer);
    if (frame.type !== "connection_status_update") return;
    const before = this.#state;
    this.#state = applyUpdate(before, frame.data);
    this.#emit("state", this.#state);
    if (this.#state.lastEvent !== before.lastEvent && this.#state.lastEvent) {
      this.#emit("update", frame.data);
    }
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
    else this.start();
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
    clearInterval(this.#heartbeat);
    clearTimeout(this.#answer);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
