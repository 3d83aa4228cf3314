/** The list of sessions: only what can be seen is in the page, and only what has changed is drawn. */

import { element, fill, shape, write } from "./element.js";
import { holderWords, statusOf } from "./row-words.js";
import { isFree, isWaiting, pageOf } from "./rows.js";
import { titleOf } from "./store.js";
import { isMine, shownRows } from "./views.js";

/** @typedef {import("./rows.js").Row} Row */

/** As in desk.css, px. */
const ROW = 56;
/** Who has come within that time is shown to have just come. */
const FRESH_MS = 3_000;
/** After a key, rows stay where they are for so long. */
const STILL_MS = 5_000;

const EMPTY = {
  waiting: ["Nobody is waiting", "Whoever asks something and has no answer yet appears here."],
  mine: ["You have no session", "Take one with its button, or with T."],
  all: ["Waiting for your first visitor", "Paste this into your site, and open it in another tab:"],
  left: ["Nobody has left lately", "Who leaves stays here for an hour, with when and why."],
};
const TAG = `<script type="module" src="…/hadir-chat.js"></script>
<hadir-chat url="wss://…" api="https://…"></hadir-chat>`;

/**
 * @param {HTMLElement} root
 * @param {Object} desk
 * @param {import("./store.js").Store} desk.store
 * @param {import("./views.js").Me} desk.me
 * @param {() => number} desk.now
 * @param {() => string} desk.standing  why nothing is known yet
 * @param {(id: string) => void} desk.take
 * @param {(id: string) => void} desk.open
 * @param {(id: string) => boolean} desk.isBusy  whether a question about it is under way
 */
export function list(root, { store, me, now, standing, take, open, isBusy }) {
  const grid = element("div", { className: "grid", role: "grid", tabIndex: 0, "aria-label": "Sessions" });
  const inner = element("div", { className: "inner", role: "rowgroup" });
  const nothing = element("div", "nothing");
  const added = element("button", { className: "added", type: "button", hidden: true });
  added.addEventListener("click", () => store.sort());
  grid.append(inner);
  root.append(grid, added, nothing);

  /** @typedef {{node: HTMLElement, parts: Record<string, HTMLElement>, row: ?Row, at: number, key: string}} Shown */
  /** @type {Map<string, Shown>} */
  const shown = new Map();
  /** The row that the keyboard is at. @type {?string} */
  let active = null;
  let isPointed = false;
  let pressedAt = -Infinity;
  let nothingShown = "";

  const holdWhile = () => store.hold(isPointed || performance.now() - pressedAt < STILL_MS);
  grid.addEventListener("pointerenter", ({ pointerType }) => {
    isPointed = pointerType === "mouse";
    holdWhile();
  });
  grid.addEventListener("pointerleave", () => {
    isPointed = false;
    holdWhile();
  });
  /** The row that a key is for must be one that is shown. */
  const activate = () => {
    const { order, selected } = store;
    if (active && order.includes(active)) return;
    active = selected && order.includes(selected) ? selected : (order[0] ?? null);
  };
  grid.addEventListener("focusin", () => {
    activate();
    render();
  });
  grid.addEventListener("scroll", () => render(), { passive: true });
  grid.addEventListener("click", ({ target }) => {
    const node = /** @type {Element} */ (target).closest("[data-id]");
    const id = /** @type {?HTMLElement} */ (node)?.dataset.id;
    if (!id) return;
    active = id;
    if (/** @type {Element} */ (target).closest("button")) take(id);
    else open(id);
  });
  grid.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key(event.key)) event.preventDefault();
  });
  new ResizeObserver(() => render()).observe(grid);

  /** @returns {HTMLElement} */
  const make = () => {
    const cell = (/** @type {string} */ name, /** @type {any[]} */ ...content) =>
      element("div", { className: name, role: "gridcell" }, ...content);
    const node = element("div", { className: "row", role: "row" });
    node.append(
      cell("mark"),
      cell("who", element("div", "line", element("span", "name"), element("span", "unread")), element("div", "page")),
      cell("status", element("div", "line", element("span", "word"), element("span", "clock")), element("div", "note")),
      cell("act", element("button", { className: "take", type: "button", tabIndex: -1 }, "Take"), element("span", "holder")),
    );
    return node;
  };

  /** @param {HTMLElement} node @returns {Record<string, HTMLElement>} */
  const partsOf = (node) => {
    const names = ["mark", "name", "unread", "page", "word", "clock", "note", "take", "holder"];
    const found = names.map((name) => [name, node.querySelector(`.${name}`)]);
    return Object.fromEntries(found);
  };

  /** @param {string} id @param {number} at @param {Row} row */
  const draw = (id, at, row) => {
    let each = shown.get(id);
    if (!each) {
      const node = make();
      each = { node, parts: partsOf(node), row: null, at: -1, key: "" };
      node.dataset.id = id;
      node.classList.toggle("fresh", row.state === "here" && now() - (row.stateSince ?? 0) < FRESH_MS);
      node.id = `row-${id}`;
      inner.append(node);
      shown.set(id, each);
    }
    const { node, parts } = each;
    if (each.at !== at) {
      node.style.transform = `translateY(${at * ROW}px)`;
      node.setAttribute("aria-rowindex", `${at + 1}`);
      each.at = at;
    }
    const status = statusOf(row, now());
    write(parts.clock, status.clock);
    const key = `${status.kind} ${id === active} ${id === store.selected} ${isBusy(id)}`;
    if (each.row === row && each.key === key) return;
    each.row = row;
    each.key = key;
    node.dataset.state = row.state;
    node.dataset.kind = status.kind;
    node.classList.toggle("active", id === active);
    node.setAttribute("aria-selected", `${id === store.selected}`);
    if (parts.mark.dataset.state !== row.state) {
      parts.mark.dataset.state = row.state;
      fill(parts.mark, shape(row.state));
    }
    write(parts.name, titleOf(row));
    write(parts.unread, row.unread ? `${row.unread}` : "");
    if (row.unread) parts.unread.setAttribute("aria-label", `${row.unread} unread`);
    else parts.unread.removeAttribute("aria-label");
    write(parts.page, pageOf(row.customer) || (row.customer ? "" : row.id));
    write(parts.word, status.text);
    write(parts.note, status.why || snippet(row));
    const canTake = isFree(row);
    parts.take.hidden = !canTake;
    parts.take.classList.toggle("wanted", isWaiting(row));
    parts.take.setAttribute("aria-label", `Take ${titleOf(row)}`);
    /** @type {HTMLButtonElement} */ (parts.take).disabled = isBusy(id);
    const holder = holderWords(row, me);
    write(parts.holder, canTake ? "" : holder);
    node.classList.toggle("mine", isMine(row, me));
  };

  function render() {
    holdWhile();
    const { order } = store;
    const total = order.length;
    const height = `${total * ROW}px`;
    if (inner.style.height !== height) inner.style.height = height;
    grid.setAttribute("aria-rowcount", `${total}`);
    const { from, to } = shownRows({ top: grid.scrollTop, height: grid.clientHeight, row: ROW }, total);
    const wanted = new Set(order.slice(from, to));
    for (const [id, { node }] of shown) {
      if (wanted.has(id)) continue;
      node.remove();
      shown.delete(id);
    }
    for (let at = from; at < to; at += 1) {
      const row = store.rows.get(order[at]);
      if (row) draw(row.id, at, row);
    }
    if (active && shown.has(active)) grid.setAttribute("aria-activedescendant", `row-${active}`);
    else grid.removeAttribute("aria-activedescendant");
    grid.hidden = total === 0;
    added.hidden = store.added === 0;
    if (store.added) write(added, store.added === 1 ? "1 new below · sort" : `${store.added} new below · sort`);
    showNothing(total);
  }

  /** @param {number} total */
  const showNothing = (total) => {
    const kind = total ? "" : !store.hasBegun ? standing() : store.query ? "search" : store.view;
    if (kind === nothingShown) return;
    nothingShown = kind;
    nothing.hidden = !kind;
    if (!kind) return;
    const words = store.hasBegun ? EMPTY[store.view] : [kind, ""];
    const [title, hint] = kind === "search" ? ["Nothing found", SEARCHES] : words;
    const tag = kind === "all" && element("pre", {}, element("code", {}, TAG));
    fill(nothing, shape("maybe back"), element("p", "title", title), element("p", "hint", hint), tag);
  };

  /** @param {number} at */
  const move = (at) => {
    const { order } = store;
    if (!order.length) return;
    const to = Math.min(Math.max(at, 0), order.length - 1);
    active = order[to];
    const [top, bottom] = [to * ROW, (to + 1) * ROW];
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (bottom > grid.scrollTop + grid.clientHeight) grid.scrollTop = bottom - grid.clientHeight;
    render();
  };

  /** @param {string} pressed @returns {boolean} whether it meant something */
  function key(pressed) {
    const wasActive = active;
    activate();
    const at = wasActive && wasActive === active ? store.order.indexOf(wasActive) : -1;
    const row = active && store.rows.get(active);
    const jump = Math.max(Math.floor(grid.clientHeight / ROW) - 1, 1);
    /** @type {Record<string, () => void>} */
    const keys = {
      j: () => move(at + 1),
      ArrowDown: () => move(at + 1),
      k: () => move(at - 1),
      ArrowUp: () => move(at - 1),
      PageDown: () => move(at + jump),
      PageUp: () => move(at - jump),
      Home: () => move(0),
      End: () => move(store.order.length - 1),
      Enter: () => active && open(active),
      " ": () => active && open(active),
      t: () => row && isFree(row) && take(row.id),
    };
    const name = pressed.length === 1 ? pressed.toLowerCase() : pressed;
    if (!Object.hasOwn(keys, name)) return false;
    pressedAt = performance.now();
    holdWhile();
    keys[name]();
    return true;
  }

  return {
    render,
    key,
    focus: () => grid.focus(),
    grid,
    /** @param {string} id  that a key is for from now on */
    at(id) {
      active = id;
    },
  };
}

const SEARCHES = "You can search by page:/checkout, why:network, who:dewi, is:away, and any words.";

/** @param {Row} row */
const snippet = ({ said }) => (said ? `${said.isCustomer ? "" : "↩ "}${said.text}`.slice(0, 80) : "");
