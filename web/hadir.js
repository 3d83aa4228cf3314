/**
 * Hadir's browser client: who is here now, and what just happened. No dependency, no build step.
 *
 *   import { HadirClient } from "./hadir.js";
 *   const client = new HadirClient({ url, sessionId, userId, userType: "customer" });
 *   client.on("people", (people) => render(people));
 *   client.on("left", (person) => alert(`${person.id} has left`));
 *   client.start();
 */

import { follow } from "./session.js";
import { initialState } from "./state.js";

export { initialState };

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Update} Update
 * @typedef {import("./state.js").Message} Message
 * @typedef {import("./state.js").Gap} Gap
 * @typedef {import("./state.js").UserType} UserType
 * @typedef {import("./people.js").Person} Person
 * @typedef {import("./outbox.js").Delivery} Delivery
 * @typedef {import("./typists.js").Typing} Typing
 * @typedef {import("./connection.js").ConnectionState} ConnectionState
 *
 * @typedef {Object} Closing  the server is about to close the socket
 * @property {string} reason
 * @property {string} [message]
 * @property {number} [reconnect_after_ms]  0 or absent: it does not want this person back
 *
 * @typedef {Object} HadirError
 * @property {string} code  the server's (docs/protocol.md), or the client's own (docs/integrate.md)
 * @property {string} message
 * @property {string} [request_id]  the server's
 * @property {string} [client_id]  of the message that was refused
 *
 * @typedef {Object} HadirEvents  what `on` and `addEventListener` tell (there as `event.detail`)
 * @property {State} state  after each update
 * @property {Update} update  each event that was not seen before, in the session's order
 * @property {Message} message  likewise
 * @property {readonly Person[]} people  the calm view, after each change
 * @property {Person} left  somebody has left and did not come back in time
 * @property {ConnectionState} connection
 * @property {Typing} typing  somebody else begins to write, or ends (HadirChat)
 * @property {Delivery} delivery  what becomes of a message of one's own (HadirChat)
 * @property {Gap} gap  events that were missed and will not come
 * @property {Closing} closing
 * @property {HadirError} error
 *
 * @typedef {Object} HadirOptions
 * @property {string} url  of the WebSocket API's stage, `wss://…/{stage}`
 * @property {string} sessionId
 * @property {string} userId
 * @property {UserType} userType
 * @property {() => string|null|Promise<string|null>} [getToken]  asks your backend for a token; called
 *   for each socket, and a minute before the token of an open one expires. null: there is none any
 *   more (somebody logged out), stop
 * @property {string} [apiUrl]  of the REST API, which says why a socket is refused, and has the history
 * @property {number} [heartbeatMs]  how often to say that this client is alive; under half of the
 *   deployment's HeartbeatTimeoutSeconds
 * @property {number} [lifetimeMs]  after which the server ends any socket; the next one is opened before
 * @property {boolean} [away]  whether to show everyone that nobody has looked at this page for a minute,
 *   by default true (HadirChat, HadirWatcher)
 * @property {number|import("./people.js").SettleTimes} [settleMs]  how long somebody who left may be
 *   back; one time for all, or by reason
 */

/**
 * An EventTarget that knows its events.
 * @typedef {Omit<EventTarget, "addEventListener"|"removeEventListener"> & {
 *   addEventListener<K extends keyof HadirEvents>(type: K,
 *     listener: (event: CustomEvent<HadirEvents[K]>) => void, options?: boolean|AddEventListenerOptions): void,
 *   removeEventListener<K extends keyof HadirEvents>(type: K,
 *     listener: (event: CustomEvent<HadirEvents[K]>) => void, options?: boolean|EventListenerOptions): void,
 * }} HadirTarget
 */
const Target = /** @type {new () => HadirTarget} */ (/** @type {unknown} */ (EventTarget));

/**
 * One person in one session, on a socket that is kept open: it comes back when it is lost, goes when
 * the page goes, and says why where it cannot.
 */
export class HadirClient extends Target {
  /** @type {State} */
  state = initialState;
  /**
   * Who is here, may be back, or has left; in the order they came, those who left last.
   * @type {readonly Person[]}
   */
  people = [];
  /** @type {ConnectionState} */
  connection = "closed";
  /** Whether all of this is the newest: not after a loss, until somebody has said what was missed. */
  isCurrent = true;
  /** Why it does not work, since the socket was last open; null where it does. @type {?HadirError} */
  error = null;

  /**
   * @param {HadirOptions} options
   * @param {import("./environment.js").Environment} [environment]  for tests: a clock, sockets
   * @throws {TypeError} an option is missing, or is not what the server takes
   */
  constructor(options, environment = globalThis) {
    super();
    /** @type {import("./session.js").Emit} */
    const emit = (type, detail) =>
      this.dispatchEvent(new CustomEvent(type, { detail, cancelable: type === "error" }));
    // A subclass may have a static `speak`: what it adds to a session.
    /** @protected */
    this._session = follow(this, environment, options, emit, /** @type {any} */ (new.target).speak);
  }

  /**
   * Listen to an event, without the `event.detail` around it.
   * @template {keyof HadirEvents} K
   * @param {K} type
   * @param {(detail: HadirEvents[K]) => void} handler
   * @returns {() => void} stops listening
   */
  on(type, handler) {
    const listener = (/** @type {CustomEvent<HadirEvents[K]>} */ { detail }) => handler(detail);
    this.addEventListener(type, listener);
    return () => this.removeEventListener(type, listener);
  }

  /** Connect, and stay connected until `close`. Also starts again what has stopped for good. */
  start() {
    this._session.start();
  }

  /** Leave the session. */
  close() {
    this._session.close();
  }
}
