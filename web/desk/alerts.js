/** "Customer has left": said when it is settled, until somebody has seen it or they are back. */

import { element, shape } from "./element.js";
import { titleOf } from "./store.js";
import { evidenceWords, reasonWords, sentence, timeWords } from "./words.js";

/** @typedef {import("./rows.js").Row} Row */

const MOST = 3;

/**
 * @param {HTMLElement} root
 * @param {Object} desk
 * @param {() => number} desk.now
 * @param {(id: string) => void} desk.open
 */
export function alerts(root, { now, open }) {
  /** @type {Map<string, HTMLElement>} */
  const shown = new Map();

  /** @param {string} id */
  const clear = (id) => {
    shown.get(id)?.remove();
    shown.delete(id);
  };

  return {
    /** @param {Row} row  whose customer has left */
    left(row) {
      clear(row.id);
      const name = titleOf(row);
      const { departure } = row.customer ?? { departure: null };
      const why = [reasonWords(departure), evidenceWords(departure)].filter(Boolean).join("; ");
      const at = departure ? `At ${timeWords(departure.timestamp, now())}: ${why}.` : `${sentence(why)}.`;
      const text = element("div", "text", element("p", "title", "Customer has left: ", name), element("p", {}, at));
      const look = element("button", { type: "button" }, "Look");
      const dismiss = element("button", { type: "button" }, "Dismiss");
      look.addEventListener("click", () => {
        clear(row.id);
        open(row.id);
      });
      dismiss.addEventListener("click", () => clear(row.id));
      const alert = element("div", { className: "alert" }, shape("left"), text, look, dismiss);
      shown.set(row.id, alert);
      for (const id of [...shown.keys()].slice(0, -MOST)) clear(id);
      root.prepend(alert);
    },

    /** Somebody says something else to whoever works here. @param {string} text */
    say(text) {
      const dismiss = element("button", { type: "button" }, "Dismiss");
      const note = element("div", "alert note", element("p", "text", text), dismiss);
      dismiss.addEventListener("click", () => clear("note"));
      clear("note");
      shown.set("note", note);
      root.prepend(note);
    },

    /** @param {string} id */
    clear,

    /** Take away those whose customer is here again. @param {(id: string) => Row|undefined} rowOf */
    check(rowOf) {
      for (const id of shown.keys()) {
        const state = rowOf(id)?.state;
        if (state === "here" || state === "away") clear(id);
      }
    },
  };
}
