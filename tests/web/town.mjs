/** A server of many sessions, as a console sees it: feeds, serials, pages, and what goes wrong. */

const FEEDS = 4;
const KEPT = 12;
const PAGE = 5;
/** Any answer comes within that time, or never. */
const LATEST_MS = 8_000;

/** A generator of numbers from 0 to 1, the same for the same seed ("mulberry32"). */
export function chanceOf(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Town {
  now = 0;
  /** How likely a frame is lost, and a question. */
  trouble = 0;
  /** How likely a frame is overtaken. */
  disorder = 0;
  isWatched = false;
  #epoch = 0;
  #sessions = new Map();
  #feeds = Array.from({ length: FEEDS }, (_, at) => ({ serial: 100 * at, log: [], pending: [] }));
  /** What is on its way to the console: when it comes, and what. */
  #way = [];
  #order = 0;

  constructor(seed, count = 18) {
    this.chance = chanceOf(seed);
    for (let number = 0; number < count; number += 1) {
      const id = `s${number}`;
      const feed = number % FEEDS;
      this.#sessions.set(id, { id, feed, epoch: this.#newEpoch(), version: 0, users: {}, assignment: null, events: [] });
      if (this.chance() < 0.5) this.#change(id);
    }
    for (const feed of this.#feeds) Object.assign(feed, { pending: [], log: [], serial: feed.serial + 1 });
  }

  #newEpoch() {
    this.#epoch += 1;
    return `e${String(this.#epoch).padStart(6, "0")}`;
  }

  /** What a console must know: of each session with somebody in it, who, who has it, and its life. */
  truth() {
    const occupied = [...this.#sessions.values()].filter(({ users }) => Object.keys(users).length);
    return new Map(occupied.map((session) => [session.id, this.#shown(session)]));
  }

  #shown({ epoch, users, assignment }) {
    return { epoch, users: Object.keys(users).sort(), holder: assignment?.user_id ?? null };
  }

  #status(session) {
    const kinds = Object.values(session.users).map(({ user_type }) => user_type);
    const total_customer = kinds.filter((kind) => kind === "customer").length;
    const { id: session_id, epoch, version: status_version, assignment } = session;
    return {
      session_id, epoch, status_version, ...(assignment && { assignment }),
      connection_status: { users: { ...session.users }, total_customer, total_agent: kinds.length - total_customer },
    };
  }

  any = (list) => list[Math.floor(this.chance() * list.length)];

  /** Something happens in a session. */
  #change(id) {
    const session = this.#sessions.get(id);
    const here = Object.keys(session.users);
    const kind = this.any(["come", "come", "go", "go", "say", "assign"]);
    const event = { version: session.version + 1 };
    if (kind === "come") {
      const user_id = `u${Math.floor(this.chance() * 4)}`;
      if (session.users[user_id]) return;
      session.users[user_id] = { user_type: "customer" };
      Object.assign(event, { type: "connection_status_update", event_type: "user_connected" });
    } else if (!here.length) return;
    else if (kind === "go") {
      delete session.users[this.any(here)];
      Object.assign(event, { type: "connection_status_update", event_type: "user_disconnected" });
    } else if (kind === "say") Object.assign(event, { type: "message", text: "Hello" });
    else {
      const user_id = this.any(["amy", "bob", null]);
      session.assignment = user_id && { user_id, user_type: "agent" };
      Object.assign(event, { type: "assignment", user_id, assignment: session.assignment });
    }
    session.version += 1;
    session.events.push(event);
    const feed = this.#feeds[session.feed];
    feed.serial += 1;
    feed.pending.push({ serial: feed.serial, id, epoch: session.epoch, version: event.version });
  }

  happen() {
    this.#change(this.any([...this.#sessions.keys()]));
    if (this.chance() < 0.4) this.announce();
  }

  /** The frames that entries of a feed make: an event by itself, several of a session in one update. */
  #eventsOf(entries) {
    const found = [];
    for (const id of new Set(entries.map((entry) => entry.id))) {
      const session = this.#sessions.get(id);
      const versions = entries.filter((entry) => entry.id === id && entry.epoch === session.epoch).map(({ version }) => version);
      const events = session.events.filter(({ version }) => versions.includes(version));
      if (!events.length) continue;
      if (events.length > 1) {
        const all = events.map(({ type, ...event }) => event);
        found.push({ type: "connection_status_update", data: { ...this.#status(session), events: all } });
      } else {
        const { type, ...event } = events[0];
        const { session_id, epoch } = this.#status(session);
        const base = type === "connection_status_update" ? this.#status(session) : { session_id, epoch };
        found.push({ type, data: { ...base, ...event } });
      }
    }
    return found;
  }

  /** Tell whoever watches what is not told yet, in one frame for some of the feeds. */
  announce() {
    const feeds = this.#feeds.map((_, at) => at).filter((at) => this.#feeds[at].pending.length && this.chance() < 0.8);
    if (!feeds.length) return;
    const data = { previous: {}, position: {}, events: [] };
    for (const at of feeds) {
      const feed = this.#feeds[at];
      data.previous[at] = feed.pending[0].serial - 1;
      data.position[at] = feed.serial;
      data.events.push(...this.#eventsOf(feed.pending));
      feed.log = [...feed.log, ...feed.pending].slice(-KEPT);
      feed.pending = [];
    }
    if (this.isWatched) this.#post([{ type: "feed", data }]);
  }

  /** A node dies: its feed is gone, and perhaps the last events of its sessions, or all of them. */
  lose() {
    const at = Math.floor(this.chance() * FEEDS);
    const feed = this.#feeds[at];
    Object.assign(feed, { serial: feed.serial + 1_000, log: [], pending: [] });
    for (const session of this.#sessions.values()) {
      if (session.feed !== at || this.chance() < 0.3) continue;
      session.epoch = this.#newEpoch();
      session.events = [];
      if (this.chance() < 0.5) Object.assign(session, { users: {}, version: 0, assignment: null });
      else session.version = Math.max(session.version - 2, 0);
    }
    if (this.chance() < 0.5) this.isWatched = false;
  }

  /** Frames to the console, one after the other; where one is lost, those after it are, too. */
  #post(frames) {
    let at = this.now + (this.chance() < this.disorder ? this.chance() * LATEST_MS : 0);
    for (const frame of frames) {
      if (this.chance() < this.trouble) return;
      at = Math.max(at, this.now);
      this.#way.push({ at, order: (this.#order += 1), frame: structuredClone(frame) });
    }
  }

  /** The console's socket is lost, with all that is on its way. */
  cut() {
    this.#way = [];
    this.isWatched = false;
  }

  /** What has come to the console by now, each as it is taken. */
  *arrivals() {
    for (;;) {
      this.#way.sort((a, b) => a.at - b.at || a.order - b.order);
      if (!this.#way.length || this.#way[0].at > this.now) return;
      yield this.#way.shift().frame;
    }
  }

  /** A question of the console. */
  hear(message) {
    if (this.chance() < this.trouble) return;
    if (message.action === "heartbeat") {
      const feed = Object.fromEntries(this.#feeds.map(({ log, serial, pending }, at) => [at, pending.length ? pending[0].serial - 1 : serial]));
      this.#post([{ type: "heartbeat_ack", data: { ...(this.isWatched && { feed }) } }]);
    } else if (message.next !== undefined) this.#post([this.#page(message.next)]);
    else this.#watch(message.position);
  }

  #watch(position) {
    this.isWatched = true;
    const told = (at) => this.#feeds[at].pending[0]?.serial - 1 || this.#feeds[at].serial;
    const isKept = (at) => {
      const { log } = this.#feeds[at];
      return position[at] >= told(at) || (log.length && log[0].serial <= position[at] + 1);
    };
    const all = Object.fromEntries(this.#feeds.map((_, at) => [at, told(at)]));
    if (!position || !Object.keys(position).every(isKept)) {
      const page = this.#page("");
      Object.assign(page.data, { position: all, ...(position && { recovered: false }) });
      return this.#post([page]);
    }
    const frames = [];
    for (const at of Object.keys(position)) {
      const missed = this.#feeds[at].log.filter(({ serial }) => serial > position[at]);
      const cut = Math.ceil(missed.length / 2);
      let previous = position[at];
      for (const part of [missed.slice(0, cut), missed.slice(cut)]) {
        if (!part.length) continue;
        const serial = part.at(-1).serial;
        frames.push({ type: "feed", data: { previous: { [at]: previous }, position: { [at]: serial }, events: this.#eventsOf(part), recovered: true } });
        previous = serial;
      }
    }
    const known = Object.fromEntries(Object.keys(position).map((at) => [at, told(at)]));
    this.#post([...frames, { type: "watching", data: { position: known, sessions: [], next: null, recovered: true } }]);
  }

  #page(after) {
    const occupied = [...this.#sessions.values()].filter(({ id, users }) => id > after && Object.keys(users).length);
    const sorted = occupied.sort((a, b) => (a.id < b.id ? -1 : 1));
    const sessions = sorted.slice(0, PAGE).map((session) => this.#status(session));
    const next = sorted.length > PAGE ? sessions.at(-1).session_id : null;
    return { type: "watching", data: { position: {}, sessions, next } };
  }
}
