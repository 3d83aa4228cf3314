/** The messages, one below the other. */

import { make, write } from "./dom.js";
import { NEAR_PX } from "./measures.js";
import { partsOf } from "./rows.js";

/** @typedef {import("./rows.js").Row} Row */

/**
 * @param {import("./texts.js").Say} say
 * @param {string} lang
 * @param {(row: Row) => void} retry
 */
export function logOf(say, lang, retry) {
  const element = make("div", "log", { role: "log", tabIndex: 0, ariaLabel: say("messages") });
  const welcome = make("div", "row", {}, make("p", "text", {}, say("welcome")));
  /** By message. @type {Map<string, HTMLElement[]>} */
  const known = new Map();

  /** @param {Row} row */
  const entry = (row) => {
    // Of whoever it is: only addresses of the web become links.
    const parts = partsOf(row.text).map((part, place) =>
      place % 2 ? make("a", "", { href: part, target: "_blank" }, part) : part,
    );
    const [head, state] = ["head", "head state"].map((name) => make("p", name));
    const again = make("button", "plain", { onclick: () => retry(row) }, say("again"));
    const text = make("p", "text", { dir: "auto" }, ...parts);
    return [make("div", row.isMine ? "row mine" : "row", {}, head, text, state, again), head, state, again];
  };

  return {
    element,

    isAtEnd: () => element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX,

    toEnd() {
      element.scrollTop = element.scrollHeight;
    },

    /** @param {readonly Row[]} rows @param {(row: Row) => string} nameOf */
    show(rows, nameOf) {
      let before = "";
      const shown = rows.map((row, place) => {
        const key = row.clientId ?? row.client_id ?? row.id ?? "";
        const one = known.get(key) ?? entry(row);
        const [whole, head, state, again] = one;
        known.set(key, one);
        const who = row.isMine ? say("you") : nameOf(row);
        const time = new Date(row.timestamp).toLocaleTimeString(lang, { timeStyle: "short" });
        write(head, before === who ? "" : `${who} · ${time}`);
        before = who;
        const isLast = row.isMine && !rows[place + 1];
        const delivery = row.state ?? (isLast ? "sent" : "");
        write(state, say(delivery));
        again.hidden = !whole.classList.toggle("failed", delivery === "failed");
        return whole;
      });
      if (!shown[0]) shown.push(welcome);
      shown.forEach((whole, place) => {
        if (element.children[place] !== whole) element.insertBefore(whole, element.children[place]);
      });
      while (element.children[shown.length]) element.lastChild?.remove();
    },
  };
}
