/** The messages, one below the other. */

import { make, write } from "./dom.js";
import { partsOf } from "./rows.js";

/** So near its end, it follows what is new. */
const NEAR_PX = 80;

/** @param {string} text  of whoever: only addresses of the web become links */
const textOf = (text) =>
  make(
    "p",
    "text",
    { dir: "auto" },
    ...partsOf(text).map((part, place) => {
      if (place % 2 === 0) return part;
      const link = make("a", "", { href: part, rel: "noopener" }, part);
      if (link.origin !== location.origin) link.target = "_blank";
      return link;
    }),
  );

/**
 * @param {import("./texts.js").Say} say
 * @param {string} language
 * @param {(key: string) => void} retry
 */
export function logOf(say, language, retry) {
  const element = make("div", "log", { role: "log", tabindex: "0", "aria-label": say("messages") });
  const time = new Intl.DateTimeFormat(language, { timeStyle: "short" });
  const date = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
  /** @type {Map<string, {whole: HTMLElement, show: (row: import("./rows.js").Row) => void}>} */
  const known = new Map();

  /** @param {import("./rows.js").Row} row */
  const entry = ({ key, text, isMine }) => {
    const [day, head, state] = ["day", "head", "head state"].map((name) => make("p", name));
    const again = make("button", "plain", {}, say("again"));
    again.onclick = () => retry(key);
    const whole = make("div", isMine ? "row mine" : "row", {}, day, head, textOf(text), state, again);
    return {
      whole,
      /** @param {import("./rows.js").Row} row */
      show({ at, isNewDay, isFirst, who, state: delivery }) {
        write(day, isNewDay ? date.format(at) : "");
        write(head, isFirst ? [who, time.format(at)].filter(Boolean).join(" · ") : "");
        write(state, delivery ? say(delivery) : "");
        again.hidden = !whole.classList.toggle("failed", delivery === "failed");
      },
    };
  };

  return {
    element,

    isAtEnd: () => element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX,

    toEnd() {
      element.scrollTop = element.scrollHeight;
    },

    /** @param {readonly import("./rows.js").Row[]} rows */
    show(rows) {
      const shown = rows.map((row) => {
        const one = known.get(row.key) ?? entry(row);
        known.set(row.key, one);
        one.show(row);
        return one.whole;
      });
      for (const each of [...element.children]) {
        if (!shown.includes(/** @type {any} */ (each))) each.remove();
      }
      shown.forEach((whole, place) => {
        const there = element.children[place];
        if (there !== whole) element.insertBefore(whole, there ?? null);
      });
    },
  };
}
