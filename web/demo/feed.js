/** What happened, newest first; each with the time at which it happened, not when it was heard of. */

import { eventWords, timeWords } from "../desk/words.js";
import { element, sentence } from "./element.js";
import { shape } from "./shapes.js";

const MOST = 30;
const EARLIER = 20;

/**
 * @param {import("../chat.js").HadirChat} client
 * @param {{id: string, type: string}} me
 * @param {(text: string) => void} say
 */
export function showFeed(client, me, say) {
  const root = document.querySelector("#feed");
  const list = element("ol");
  const nothing = element("p", "nobody", "Nothing yet");
  const seen = new Set();
  list.setAttribute("role", "list");
  root?.append(list, nothing);

  /** @param {string} kind @param {?string} at @param {string} what @param {string[]} [why] */
  function entry(kind, at, what, why = []) {
    const item = element("li", "", element("span", "mark", shape(kind)));
    const text = element("div", "who", element("p", "name", what));
    if (why.length) text.append(element("p", "note", `${sentence(why.join("; "))}.`));
    if (at) {
      const time = element("time", "", timeWords(at, Date.now()));
      time.dateTime = at;
      item.append(text, time);
    } else item.append(text);
    return item;
  }

  /** @param {import("../state.js").Update} data  @returns {?HTMLElement} null where it is shown already */
  function entryOf(data) {
    // What comes by REST does not name the session's life: it is of the present one.
    const key = `${data.epoch ?? client.state.epoch}:${data.version}`;
    if (seen.has(key)) return null;
    seen.add(key);
    const { who, what, why } = eventWords(data, me);
    return entry(data.event_type === "user_connected" ? "here" : "left", data.timestamp, `${who} ${what}`, why);
  }

  /** @param {?HTMLElement} item @param {"prepend"|"append"} where */
  function add(item, where = "prepend") {
    if (item) list[where](item);
    while (list.children.length > MOST) list.lastChild.remove();
    nothing.hidden = list.children.length > 0;
  }

  /** What was before this page, so that a reload forgets nothing. */
  async function recall() {
    const events = await client.history({ limit: EARLIER }).catch(() => []);
    for (const data of events.reverse()) if (data.event_type) add(entryOf(data), "append");
  }

  client.on("update", (data) => {
    add(entryOf(data));
    const { who, what } = eventWords(data, me);
    // A leave is said when it is settled.
    if (data.event_type === "user_connected" && who !== "You") say(`${who} ${what}`);
  });
  client.on("gap", () => {
    add(entry("gap", null, "Some events were missed", ["they happened while this tab was not connected"]));
    say("Some events were missed");
  });
  client.on("error", ({ request_id: isServers, message }) => isServers && fail(message));
  if (root) client.addEventListener("state", recall, { once: true });

  /** @param {string} message */
  function fail(message) {
    const text = `That did not work: ${message}`;
    add(entry("error", new Date().toISOString(), text));
    say(text);
  }
  return fail;
}
