/** "Customer has left": said when it is settled, until somebody has seen it or they are back. */

import { element, shape, write } from "./element.js";
import { nameOf } from "./rows.js";
import { evidenceWords, reasonWords, sentence, timeWords } from "./words.js";

/**
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("../people.js").Person} Person
 */

/** So many are shown; how many more there are is said. */
const MOST = 3;

/**
 * @param {HTMLElement} root
 * @param {Object} desk
 * @param {() => number} desk.now
 * @param {(id: string) => void} desk.open
 */
export function alerts(root, { now, open }) {
  /** The latest first. @type {{id: string, who: Person, node: HTMLElement}[]} */
  let shown = [];
  const note = element("div", "alert note");
  const said = element("p", "text");
  note.append(said, button("Dismiss", () => note.remove()));
  const count = element("p", "text");
  const more = element("div", "alert note", count, button("Dismiss all", () => keep(() => false)));

  /** @param {string} label @param {() => void} run */
  function button(label, run) {
    const made = element("button", { type: "button" }, label);
    made.addEventListener("click", run);
    return made;
  }

  /** @param {(each: {id: string, who: Person, node: HTMLElement}) => boolean} isKept */
  function keep(isKept) {
    for (const each of shown) if (!isKept(each)) each.node.remove();
    shown = shown.filter(isKept);
    shown.forEach(({ node }, at) => (node.hidden = at >= MOST));
    write(count, `and ${shown.length - MOST} more`);
    if (shown.length > MOST) root.append(more);
    else more.remove();
  }

  return {
    /** @param {Row} row @param {Person} who  has left it */
    left({ id }, who) {
      const { departure } = who;
      const why = [reasonWords(departure), evidenceWords(departure)].filter(Boolean).join("; ");
      const at = departure ? `At ${timeWords(departure.timestamp, now())}: ${why}.` : `${sentence(why)}.`;
      const text = element("div", "text", element("p", "title", "Customer has left: ", nameOf(who)), element("p", {}, at));
      const dismiss = () => keep((each) => each.node !== node);
      const look = () => {
        dismiss();
        open(id);
      };
      const node = element("div", "alert", shape("left"), text, button("Look", look), button("Dismiss", dismiss));
      keep((each) => each.id !== id || each.who.id !== who.id);
      shown.unshift({ id, who, node });
      root.prepend(node);
      keep(() => true);
    },

    /** Say something else to whoever works here. @param {string} text */
    say(text) {
      note.remove(); // so that the same is said again
      write(said, text);
      root.prepend(note);
    },

    /** Take away those whose customer is here again. @param {(id: string) => Row|undefined} rowOf */
    check(rowOf) {
      const isHere = (/** @type {{id: string, who: Person}} */ { id, who }) =>
        !!rowOf(id)?.people.some((each) => each.id === who.id && each.type === who.type && each.presence === "here");
      if (shown.some(isHere)) keep((each) => !isHere(each));
    },
  };
}
