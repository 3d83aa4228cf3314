/** What the desk asks about the session that somebody looks at: its history, and why each person is there. */

import { add, initialLog, PAGE } from "./log.js";

/** How often to ask why people are there: API Gateway is asked about each socket. */
const EXPLAIN_MS = 5_000;

export class Visit {
  /** @type {?string} */
  id = null;
  /** @type {import("./log.js").Log} */
  log = initialLog;
  /** The answer of `explain`; null: not known yet. @type {any} */
  facts = null;
  /** Why the history could not be read. @type {?string} */
  trouble = null;
  isLoading = false;

  #watcher;
  #onChange;
  #explainedAt = -Infinity;
  #isAsking = false;
  /** Answers about a session that was open before are of no use. */
  #version = 0;

  /**
   * @param {Pick<import("../watcher.js").HadirWatcher, "history"|"explain">} watcher
   * @param {() => void} onChange
   */
  constructor(watcher, onChange) {
    this.#watcher = watcher;
    this.#onChange = onChange;
  }

  /** @param {?string} id */
  open(id) {
    if (id === this.id) return;
    this.id = id;
    this.log = initialLog;
    this.facts = this.trouble = null;
    this.#explainedAt = -Infinity;
    this.#isAsking = this.isLoading = false;
    this.#version += 1;
    if (id) this.earlier();
  }

  /** Read what was before the first event that is known, or what could not be read before. */
  async earlier() {
    if (!this.id || this.isLoading) return;
    const version = this.#version;
    const [id, before] = [this.id, this.log.events[0]?.version];
    this.isLoading = true;
    this.trouble = null;
    try {
      const events = await this.#watcher.history(id, { before, limit: PAGE });
      if (version === this.#version) this.log = add(this.log, events, events.length < PAGE);
    } catch (error) {
      if (version === this.#version) this.trouble = String(/** @type {Error} */ (error).message);
    }
    if (version !== this.#version) return;
    this.isLoading = false;
    this.#onChange();
  }

  /** Something may have been missed: read the last events anew. */
  async refresh() {
    const version = this.#version;
    if (!this.id) return;
    try {
      const events = await this.#watcher.history(this.id, { limit: PAGE });
      if (version !== this.#version) return;
      this.log = add(this.log, events);
      this.trouble = null;
    } catch (error) {
      if (version !== this.#version) return;
      this.trouble = String(/** @type {Error} */ (error).message);
    }
    this.#onChange();
  }

  /** @param {import("../watcher.js").WatchedEvent} event */
  hear({ sessionId, type, data }) {
    if (sessionId !== this.id) return;
    // As the history has it, without what is true now.
    const { connection_status, assignment, ...update } = data;
    this.log = add(this.log, [type === "update" ? update : data]);
    this.#explainedAt = -Infinity; // somebody has come, left or said something
  }

  /** Ask why people are there, now and then. @param {number} now  of any clock */
  async look(now) {
    if (!this.id || this.#isAsking || now - this.#explainedAt < EXPLAIN_MS) return;
    const version = this.#version;
    this.#isAsking = true;
    this.#explainedAt = now;
    const facts = await this.#watcher.explain(this.id).catch(() => null);
    if (version !== this.#version) return;
    this.#isAsking = false;
    this.facts = facts; // what was heard 3 s ago an hour ago proves nothing
    this.#onChange();
  }
}
