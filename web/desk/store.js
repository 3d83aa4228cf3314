/**
 * What the desk knows and shows, brought up to date once a frame however much has happened. It does no I/O
 * and no drawing: the watcher's events come in, views read what is there.
 */

import { noticesOf } from "./attention.js";
import { filter } from "./filter.js";
import { applyEvents, applyTable, explained, nameOf, seen, settleRows } from "./rows.js";
import { arrange, count, hold, isMine } from "./views.js";

/**
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./views.js").View} View
 * @typedef {import("./attention.js").Notice} Notice
 */

/** How often the order of the rows and what is counted may change, ms. */
const ORDER_MS = 250;
const SECOND = 1_000;

export class Store {
  /** @type {import("./rows.js").Rows} */
  rows = new Map();
  /** The ids of the rows that are shown, in order. @type {readonly string[]} */
  order = [];
  /** How many rows have come last since the order is held. */
  added = 0;
  counts = count([], { id: "", type: "" }, 0);
  /** @type {View} */
  view = "all";
  query = "";
  /** @type {?string} */
  selected = null;
  /** What the live region may sum up; whoever reads it starts it anew. */
  happened = { joined: 0, left: 0 };
  /** Whether the table was ever whole: what is there from the start has not just joined. */
  hasBegun = false;

  #me;
  /** @type {import("../watcher.js").WatchedEvent[]} */
  #events = [];
  /** @type {?readonly import("../watcher.js").WatchedSession[]} */
  #table = null;
  #isCurrent = false;
  #isHeld = false;
  #isOrderOld = true;
  /** Whatever is held. */
  #mustSort = true;
  #orderedAt = -Infinity;
  #settledAt = -Infinity;
  #matches = filter("");

  /** @param {import("./views.js").Me} me  who looks */
  constructor(me) {
    this.#me = me;
  }

  /** @param {import("../watcher.js").WatchedEvent} event */
  hear(event) {
    this.#events.push(event);
  }

  /**
   * @param {readonly import("../watcher.js").WatchedSession[]} table
   * @param {boolean} isCurrent
   */
  list(table, isCurrent) {
    this.#table = table;
    this.#isCurrent = isCurrent;
  }

  /** @param {View} view */
  show(view) {
    this.view = view;
    this.sort();
  }

  /** @param {string} query */
  search(query) {
    this.query = query;
    this.#matches = filter(query);
    this.sort();
  }

  /** @param {?string} id */
  select(id) {
    this.selected = id;
    if (id) this.rows = seen(this.rows, id);
  }

  /** Whether rows stay where they are, since somebody points at one. @param {boolean} isHeld */
  hold(isHeld) {
    if (this.#isHeld && !isHeld) this.sort();
    this.#isHeld = isHeld;
  }

  /** @returns {?Row} */
  get row() {
    return (this.selected && this.rows.get(this.selected)) || null;
  }

  /**
   * Take what has come, and the time.
   * @param {number} now  by the server's clock, which may be set
   * @param {number} tick  by one that nobody sets
   * @param {boolean} isLooked  whether somebody looks at the page
   * @returns {Notice[]}  what is worth to be told
   */
  advance(now, tick, isLooked) {
    const before = this.rows;
    /** @type {{row: Row, person: import("../people.js").Person}[]} */
    let settled = [];
    const changed = new Set();
    const take = (/** @type {{rows: import("./rows.js").Rows, changed: string[]}} */ next) => {
      this.rows = next.rows;
      for (const id of next.changed) changed.add(id);
    };
    if (this.#events.length) take(applyEvents(this.rows, this.#events.splice(0), now, isLooked ? this.selected : null));
    if (this.#table) take(applyTable(this.rows, this.#table, now, this.#isCurrent));
    this.#table = null;
    if (tick - this.#settledAt >= SECOND) {
      this.#settledAt = tick;
      this.#isOrderOld = true;
      // Who cannot be heard may be back already.
      if (this.#isCurrent) {
        const next = settleRows(this.rows, now);
        take(next);
        settled = next.settled;
      }
    }
    if (changed.size) this.#isOrderOld = true;
    if (this.#isOrderOld && tick - this.#orderedAt >= ORDER_MS) this.#arrange(now, tick);
    const { hasBegun } = this;
    this.hasBegun ||= this.#isCurrent;
    if (!hasBegun) return [];
    const theirs = settled.filter(({ row }) => row.id === this.selected || isMine(row, this.#me));
    return [...this.#notices(before, changed), ...theirs.map((each) => ({ ...each, kind: /** @type {const} */ ("left") }))];
  }

  /**
   * It is known why somebody has left whose leave was missed.
   * @param {string} id  of the session
   * @param {{id: string, type: string}} who
   * @param {any} departure
   * @param {number} now
   */
  explain(id, who, departure, now) {
    this.rows = explained(this.rows, id, who, departure, now);
  }

  /** @param {import("./rows.js").Rows} before @param {Set<string>} changed */
  #notices(before, changed) {
    /** @type {Notice[]} */
    const notices = [];
    for (const id of changed) {
      const row = this.rows.get(id);
      if (!row) continue;
      const old = before.get(id);
      const wasThere = !!old && old.state !== "left" && old.state !== "empty";
      const isThere = row.state !== "left" && row.state !== "empty";
      if (isThere && !wasThere) this.happened.joined += 1;
      if (wasThere && !isThere) this.happened.left += 1;
      notices.push(...noticesOf(old, row, this.#me));
    }
    return notices;
  }

  /** Put the rows in order with the next draw, whoever points at one. */
  sort() {
    this.#isOrderOld = this.#mustSort = true;
    this.#orderedAt = -Infinity;
  }

  /** @param {number} now @param {number} tick */
  #arrange(now, tick) {
    this.#isOrderOld = false;
    this.#orderedAt = tick;
    const all = [...this.rows.values()];
    this.counts = count(all, this.#me, now);
    const wanted = arrange(all, { view: this.view, matches: this.#matches, me: this.#me, now });
    if (!this.#isHeld || this.#mustSort || !this.order.length) {
      this.order = wanted;
      this.added = 0;
      this.#mustSort = false;
      return;
    }
    const held = hold(this.order, wanted, (id) => this.rows.has(id));
    this.added += held.length - this.order.filter((id) => this.rows.has(id)).length;
    this.order = held;
  }
}

/** @param {Row} row */
export const titleOf = (row) => nameOf(row.customer) || row.id;
