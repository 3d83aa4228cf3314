/** What the hooks and the composables share: one client for one session, whoever uses it. */

import { FINAL_STATES } from "./connection.js";
import { HadirClient } from "./hadir.js";

/** How long a client that nobody uses any more lives on: the next page may want it. */
const LINGER_MS = 1_000;
/** Who switches from session to session opens a socket at most so often. */
const SWITCH_MS = 1_000;

/**
 * @typedef {import("./hadir.js").HadirOptions} HadirOptions
 * @typedef {import("./hadir.js").HadirEvents} HadirEvents
 *
 * @typedef {Object} ForSession
 * @property {(sessionId: string) => string|null|Promise<string|null>} [getToken]  asks your backend
 *   for a token for this session; null: there is none any more, stop
 * @property {typeof HadirClient} [Client]  what to make: HadirChat for components that also speak
 *
 * @typedef {Omit<HadirOptions, "sessionId"|"getToken"> & ForSession} HadirConfig  whom the
 *   components of a page speak for
 *
 * @typedef {Object} Presence  what is known of a session; never changed, but replaced
 * @property {import("./hadir.js").State["status"]} status  null until it is known
 * @property {import("./hadir.js").State["lastEvent"]} lastEvent
 * @property {import("./hadir.js").ConnectionState} connection  `closed` where no session is
 *   selected
 * @property {?import("./hadir.js").HadirError} error  why it does not work; `invalid_options`: the
 *   session's id, or the configuration, is none that the server takes
 * @property {readonly import("./hadir.js").Person[]} people
 * @property {boolean} stale  there is a status, but it may have changed: there is no open socket, or
 *   none has told yet what was missed
 * @property {?HadirClient} client  null where no session is selected, and before the first effect
 *
 * @typedef {Object} Store  of one session
 * @property {(onChange: () => void) => () => void} subscribe  also keeps its client; returns what
 *   ends both
 * @property {() => Presence} getSnapshot
 * @property {() => Presence} getFirstSnapshot  as a server renders it, which connects nobody
 * @property {<K extends keyof HadirEvents>(type: K, handler: (detail: HadirEvents[K]) => void) =>
 *   () => void} listen  likewise
 */

/** @type {Presence} */
export const NOTHING = Object.freeze({
  status: null,
  lastEvent: null,
  connection: "closed",
  error: null,
  people: Object.freeze([]),
  stale: false,
  client: null,
});

/** Of a session that is selected, before its client is started. @type {Presence} */
const CONNECTING = Object.freeze({ ...NOTHING, connection: "connecting" });

/** @type {Store} */
const NO_SESSION = Object.freeze({
  subscribe: () => () => {},
  getSnapshot: () => NOTHING,
  getFirstSnapshot: () => NOTHING,
  listen: () => () => {},
});

/** @type {?HadirConfig} */
export let configured = null;

/**
 * Say once, at the start of the application, whom it speaks for.
 * @param {HadirConfig} config
 */
export function configure(config) {
  configured = config;
}

/**
 * What tells a client from another: values. Of functions, which have none to compare, only that
 * they are there; the newest `getToken` is called.
 * @param {?HadirConfig} config
 * @param {?string} [sessionId]
 * @returns {string}
 */
export function keyOf(config, sessionId) {
  const given = Object.entries(config ?? {}).filter(([, value]) => value !== undefined);
  return JSON.stringify([sessionId, config?.Client?.name, given.sort()]);
}

/** A client, those who use it, and what is known of its session. */
class SharedClient {
  users = 0;
  hasStarted = false;
  /** Until when others wait, once this one is let go. */
  holdsUntil = 0;
  /** Starts it, or closes it. @type {any} */
  timer;
  /** @type {?HadirClient} */
  client = null;
  /** @type {Presence} */
  snapshot = CONNECTING;
  /** @type {Set<() => void>} */
  watchers = new Set();

  /**
   * @param {HadirConfig} config
   * @param {string} sessionId
   * @param {import("./environment.js").Environment} environment
   */
  constructor(config, sessionId, environment) {
    this.config = config;
    const { Client = HadirClient, ...options } = config;
    const getToken = config.getToken && (() => this.config.getToken?.(sessionId) ?? null);
    try {
      this.client = new Client({ ...options, sessionId, getToken }, environment);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.snapshot = Object.freeze({ ...NOTHING, error: { code: "invalid_options", message } });
      console.warn(`Hadir: ${message} (invalid_options)`);
      return;
    }
    this.snapshot = Object.freeze({ ...CONNECTING, client: this.client });
    this.client.on("state", () => this.#look());
    this.client.on("people", () => this.#look());
    this.client.on("error", () => this.#look());
    this.client.on("connection", () => this.#look());
  }

  #look() {
    if (!this.client) return;
    const { state, connection, people, error, isCurrent } = this.client;
    const { status, lastEvent } = state;
    const stale = status !== null && !(connection === "open" && isCurrent);
    const known = this.snapshot;
    /** @type {Presence} */
    const next = { status, lastEvent, connection, error, people, stale, client: this.client };
    const names = /** @type {(keyof Presence)[]} */ (Object.keys(next));
    if (names.every((name) => next[name] === known[name])) return;
    this.snapshot = Object.freeze(next);
    for (const watcher of [...this.watchers]) watcher();
  }
}

/** The clients of a page. */
export class SharedClients {
  #environment;
  /** @type {Map<string, SharedClient>} */
  #all = new Map();
  #startedAt = -Infinity;

  /** @param {import("./environment.js").Environment} [environment]  for tests: a clock, sockets */
  constructor(environment = globalThis) {
    this.#environment = environment;
  }

  /**
   * @param {?HadirConfig} config
   * @param {string|null|undefined} sessionId  null, undefined: none is selected
   * @returns {Store}
   * @throws {Error} a session is selected, and there is no configuration
   */
  store(config, sessionId) {
    if (sessionId === null || sessionId === undefined) return NO_SESSION;
    if (!config) throw new Error("Hadir needs a provider above this component, or configure()");
    const key = keyOf(config, sessionId);
    const take = () => this.#take(key, config, sessionId);
    return {
      subscribe: (onChange) => {
        const { shared, release } = take();
        const watcher = () => onChange(); // the same function may come twice
        shared.watchers.add(watcher);
        return () => {
          shared.watchers.delete(watcher);
          release();
        };
      },
      getSnapshot: () => this.#all.get(key)?.snapshot ?? CONNECTING,
      getFirstSnapshot: () => CONNECTING,
      listen: (type, handler) => {
        const { shared, release } = take();
        const stop = shared.client?.on(type, handler);
        return () => {
          stop?.();
          release();
        };
      },
    };
  }

  /**
   * @param {string} key
   * @param {HadirConfig} config
   * @param {string} sessionId
   */
  #take(key, config, sessionId) {
    const environment = this.#environment;
    const shared = this.#all.get(key) ?? new SharedClient(config, sessionId, environment);
    this.#all.set(key, shared);
    shared.config = config;
    shared.users += 1;
    environment.clearTimeout(shared.timer);
    // At the end of this turn: all who want to listen do then, and all who have gone are gone.
    if (!shared.hasStarted) queueMicrotask(() => this.#startInTime(shared));
    let isReleased = false;
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      shared.users -= 1;
      if (!shared.users) this.#letGo(key, shared);
    };
    return { shared, release };
  }

  /**
   * While somebody switches through sessions, in a moment, if it is still wanted then.
   * @param {SharedClient} shared
   */
  #startInTime(shared) {
    const environment = this.#environment;
    const now = () => environment.performance.now();
    const start = () => {
      if (shared.hasStarted || !shared.users) return;
      shared.hasStarted = true;
      this.#startedAt = now();
      shared.client?.start();
    };
    const released = [...this.#all.values()].filter(({ users }) => users === 0);
    const wait = Math.max(...released.map(({ holdsUntil }) => holdsUntil), 0) - now();
    if (wait <= 0 || shared.hasStarted || !shared.users) return start();
    environment.clearTimeout(shared.timer);
    shared.timer = environment.setTimeout(start, wait);
  }

  /**
   * Whoever was put out stays known, so that the next component does not bring them back.
   * @param {string} key
   * @param {SharedClient} shared
   */
  #letGo(key, shared) {
    const environment = this.#environment;
    environment.clearTimeout(shared.timer);
    shared.holdsUntil = this.#startedAt + SWITCH_MS;
    shared.timer = environment.setTimeout(() => {
      if (shared.client && FINAL_STATES.has(shared.client.connection)) return;
      shared.client?.close();
      this.#all.delete(key);
    }, LINGER_MS);
  }
}

/** Those of this page. */
export const sharedClients = new SharedClients();
