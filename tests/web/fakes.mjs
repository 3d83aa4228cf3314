/** A page, a clock and sockets for a client: time passes only when told to, and nothing leaves the test. */

import assert from "node:assert/strict";
import { HadirChat } from "../../web/chat.js";

export const who = { url: "wss://x/live", sessionId: "s", userId: "me", userType: "admin" };

/** Lets promises that are settled run. */
export async function soon() {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** What a test hands a client instead of a browser. */
export class FakeBrowser {
  elapsed = 0;
  /** How far the computer's clock is wrong, ms. */
  skew = 0;
  sockets = [];
  online = true;
  /** Whether the next sockets: "open", hang ("mute") or are refused ("refuse"). */
  network = "open";
  /** Whether the server answers heartbeats. */
  answers = true;
  /** What its answers have besides the time. */
  acknowledged = {};
  window = new EventTarget();
  document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  /** Whether timers that timers set, five deep, wake up once a minute, as in Chromium's hidden tabs. */
  throttled = false;
  #nesting = 0;
  #timers = new Map();
  #last = 0;

  /** The server's time, ms since the Unix epoch. */
  get serverTime() {
    return Date.UTC(2026, 0, 24) + this.elapsed;
  }

  get environment() {
    const browser = this;
    return {
      performance: { now: () => this.elapsed },
      Date: { now: () => this.serverTime + this.skew },
      setTimeout: (run, ms = 0) => {
        const nesting = this.#nesting + 1;
        let at = this.elapsed + Math.max(ms, 0);
        if (this.throttled && nesting >= 5) at = Math.ceil(at / 60_000) * 60_000;
        this.#timers.set(++this.#last, { run, at, nesting });
        return this.#last;
      },
      clearTimeout: (timer) => void this.#timers.delete(timer),
      Math: { random: () => 0.5 },
      WebSocket: class extends FakeSocket {
        constructor(address, offer) {
          super(browser, address, offer);
        }
      },
      document: this.document,
      navigator: { get onLine() { return browser.online; } },
      addEventListener: (...listener) => this.window.addEventListener(...listener),
      removeEventListener: (...listener) => this.window.removeEventListener(...listener),
    };
  }

  /** @param {number} ms */
  async pass(ms) {
    const end = this.elapsed + ms;
    await soon();
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (!due) break;
      const [timer, { run, at, nesting }] = due;
      this.#timers.delete(timer);
      this.elapsed = Math.max(at, this.elapsed);
      this.#nesting = nesting;
      run();
      this.#nesting = 0;
      await soon();
    }
    this.elapsed = end;
    await soon();
  }

  /** The process is stopped (the laptop sleeps): time goes on, timers are late. */
  async sleep(ms) {
    this.elapsed += ms;
    await this.pass(0);
  }

  /** Timers that are set. */
  get timers() {
    return this.#timers.size;
  }

  get socket() {
    return this.sockets.at(-1);
  }

  get openSockets() {
    return this.sockets.filter((socket) => socket.readyState === 1);
  }

  happen(name) {
    const target = ["visibilitychange", "freeze", "resume"].includes(name) ? this.document : this.window;
    target.dispatchEvent(new Event(name));
  }

  /** A client, and all it tells. */
  client(options = {}) {
    const client = new HadirChat({ ...who, ...options }, this.environment);
    const told = [];
    for (const type of ["connection", "update", "message", "left", "typing", "delivery", "gap", "closing", "error"]) {
      client.addEventListener(type, (event) => {
        event.preventDefault();
        told.push([type, event.detail]);
      });
    }
    client.told = (type) => told.filter(([name]) => name === type).map(([, detail]) => detail);
    return client;
  }
}

class FakeSocket {
  readyState = 0;
  sent = [];

  constructor(browser, address, offer) {
    Object.assign(this, { browser, address, offer, madeAt: browser.elapsed, closedWith: undefined });
    browser.sockets.push(this);
    const { network } = browser;
    queueMicrotask(() => {
      if (this.readyState !== 0) return;
      if (network === "open") this.open();
      if (network === "refuse") this.end();
    });
  }

  open() {
    this.readyState = 1;
    this.openedAt = this.browser.elapsed;
    this.onopen?.();
  }

  send(text) {
    assert.equal(this.readyState, 1, "sent on a socket that is not open");
    const message = JSON.parse(text);
    this.sent.push(message);
    if (message.action === "heartbeat" && this.browser.answers) queueMicrotask(() => this.acknowledge());
  }

  acknowledge() {
    const server_time = new Date(this.browser.serverTime).toISOString().replace(/\.\d+/, "");
    this.hear("heartbeat_ack", { server_time, ...this.browser.acknowledged });
  }

  hear(type, data) {
    if (this.readyState === 1) this.onmessage?.({ data: JSON.stringify({ type, data }) });
  }

  close(code) {
    if (this.readyState > 1) return;
    this.closedWith = code;
    this.readyState = 3;
  }

  /** The other side, or the network, ends it. */
  end() {
    this.readyState = 3;
    this.onclose?.();
  }

  said(action) {
    return this.sent.filter((message) => message.action === action);
  }
}

/** The frames of one session, in order. */
export class Session {
  version = 0;
  epoch = "e1";
  users = {};

  constructor(browser, id = "s") {
    Object.assign(this, { browser, id });
  }

  #data(more) {
    const kinds = Object.values(this.users).map((user) => user.user_type);
    return {
      session_id: this.id,
      connection_status: {
        users: { ...this.users },
        customer_connected: kinds.includes("customer"),
        agent_connected: kinds.some((kind) => kind !== "customer"),
      },
      timestamp: new Date(this.browser.serverTime).toISOString().replace(/\.\d+/, ""),
      status_version: this.version,
      epoch: this.epoch,
      ...more,
    };
  }

  join(id, user_type = id.split("_")[0], more = {}) {
    this.users[id] = { user_type, connected_at: "2026-01-24T00:00:00Z", connections: 1 };
    this.version += 1;
    return this.#data({ event_type: "user_connected", event_user_id: id, event_user_type: user_type, version: this.version, ...more });
  }

  leave(id, more = { reason: "client_closed", evidence: "close_frame", close_code: 1000 }) {
    const { user_type } = this.users[id];
    delete this.users[id];
    this.version += 1;
    return this.#data({ event_type: "user_disconnected", event_user_id: id, event_user_type: user_type, version: this.version, ...more });
  }

  say(user_id, text, more = {}) {
    this.version += 1;
    const { version, epoch, id: session_id } = this;
    return { session_id, id: `${epoch}-${version}`, user_id, user_type: user_id.split("_")[0], text, version, epoch, timestamp: "2026-01-24T00:00:00Z", ...more };
  }

  /** Somebody else has it from now on, or nobody. */
  assign(user_id, more = {}) {
    this.version += 1;
    const { version, epoch, id: session_id } = this;
    const assignment = user_id && { user_id, user_type: "agent" };
    return { session_id, version, epoch, timestamp: "2026-01-24T00:00:00Z", user_id, assignment, ...more };
  }

  /** What is shown of somebody changes. */
  show(id, shown) {
    this.users[id] = { ...this.users[id], ...shown };
    this.version += 1;
    return this.#data({ version: this.version });
  }

  snapshot(more = {}) {
    return this.#data(more);
  }
}

/** An event as a frame of several has it: without what is the frame's. */
export function entryOf(data) {
  const { session_id, connection_status, status_version, epoch, users_truncated, ...entry } = data;
  return entry;
}

/** One frame for several events, with the fields of the newest of who came or went. */
export function burst(session, events, more = {}) {
  const newest = events.findLast(({ event_type }) => event_type);
  return { ...session.snapshot(), ...entryOf(newest), ...more, events: events.map(entryOf) };
}

export const update = "connection_status_update";

/** A client that is open, and the session it is in. */
export async function opened(options) {
  const browser = new FakeBrowser();
  const client = browser.client(options);
  client.start();
  await browser.pass(0);
  assert.equal(client.connection, "open");
  const session = new Session(browser);
  const tell = (data) => browser.socket.hear(update, data);
  const presence = (id) => client.people.find((person) => person.id === id)?.presence;
  return { browser, client, session, tell, presence };
}

export function tokenUntil(seconds) {
  return `e30.${Buffer.from(JSON.stringify({ exp: seconds })).toString("base64url")}.x`;
}
