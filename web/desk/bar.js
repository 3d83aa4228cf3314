/** The top of the desk: how many are here, the search, whether all of it is true, and the views. */

import { element, fill, shape, write } from "./element.js";
import { trust } from "./trust.js";

/** @type {[import("./views.js").View, string][]} */
const VIEWS = [["waiting", "Waiting"], ["mine", "Mine"], ["all", "All"], ["left", "Left"]];

/**
 * @param {HTMLElement} root
 * @param {Object} desk
 * @param {import("./store.js").Store} desk.store
 * @param {import("../watcher.js").HadirWatcher} desk.watcher
 * @param {import("./calls.js").Calls} desk.calls
 * @param {import("./views.js").Me} desk.me
 * @param {() => void} desk.changed
 * @param {(text: string) => void} desk.say
 * @param {() => void} desk.toList
 */
export function bar(root, { store, watcher, calls, me, changed, say, toList }) {
  const here = element("p", "here");
  const search = element("input", { type: "search", placeholder: "Search", "aria-label": "Search sessions", "aria-keyshortcuts": "/" });
  const standing = element("p", { className: "trust" });
  const dot = element("span", "dot");
  const text = element("span", "text");
  standing.append(dot, text);
  const menu = element("details", "menu");
  const summary = element("summary", { "aria-label": "Sounds, notifications and keys" }, shape("bell"));
  const option = (/** @type {string} */ label, /** @type {boolean} */ isOn, /** @type {(isOn: boolean) => void} */ run) => {
    const box = element("input", { type: "checkbox", checked: isOn });
    box.addEventListener("change", () => run(box.checked));
    return { box, label: element("label", {}, box, label) };
  };
  const sound = option("Sounds", calls.wanted.sound, (isOn) => calls.sound(isOn));
  const notify = option("Desktop notifications", calls.wanted.notify, async (isOn) => {
    const refusal = await calls.notify(isOn);
    notify.box.checked = calls.wanted.notify;
    if (refusal) say(refusal);
  });
  const keys = option("Single keys: / J K T", calls.wanted.keys, (isOn) => calls.keys(isOn));
  const hint = element("p", {}, "When somebody waits, and when one of yours writes, leaves, or is back after they had left. Never for a reload.");
  menu.append(summary, element("div", "choices", sound.label, notify.label, hint, keys.label));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    summary.focus();
    event.stopPropagation();
  });
  document.addEventListener("pointerdown", ({ target }) => {
    if (!menu.contains(/** @type {Node} */ (target))) menu.open = false;
  });
  root.append(element("p", "brand", "Hadir"), here, element("label", "search", search, element("kbd", { "aria-hidden": "true" }, "/")), standing, menu);

  search.addEventListener("input", () => {
    store.search(search.value);
    changed();
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === "ArrowDown") toList();
    else if (event.key === "Escape" && search.value) {
      search.value = "";
      store.search("");
      changed();
    } else if (event.key === "Escape") toList();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  return {
    search,
    render() {
      const { here: count, waiting } = store.counts;
      write(here, `${count} here${waiting ? ` · ${waiting} waiting` : ""}`);
      const told = trust(watcher, performance.now());
      standing.dataset.live = `${told.isLive}`;
      write(text, told.text);
      if (standing.title !== told.hint) standing.title = told.hint;
      const title = store.counts.waiting + store.counts.unread;
      const wanted = `${title ? `(${title}) ` : ""}${me.id} · Hadir Desk`;
      if (document.title !== wanted) document.title = wanted;
      return told;
    },
  };
}

/**
 * The views, as tabs.
 * @param {HTMLElement} root
 * @param {import("./store.js").Store} store
 * @param {() => void} changed
 */
export function views(root, store, changed) {
  const tabs = VIEWS.map(([view, name]) => {
    const count = element("span", "count");
    const tab = element("button", { type: "button", role: "tab", "aria-controls": "sessions" }, `${name} `, count);
    const choose = () => {
      store.show(view);
      changed();
    };
    tab.addEventListener("click", choose);
    return { view, tab, count, choose };
  });
  root.setAttribute("role", "tablist");
  root.setAttribute("aria-label", "Views");
  root.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = tabs.findIndex(({ view }) => view === store.view);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    next.choose();
    next.tab.focus();
  });
  fill(root, ...tabs.map(({ tab }) => tab));

  return () => {
    for (const { view, tab, count } of tabs) {
      const isChosen = view === store.view;
      tab.setAttribute("aria-selected", `${isChosen}`);
      tab.tabIndex = isChosen ? 0 : -1;
      write(count, `${store.counts[view]}`);
    }
  };
}
