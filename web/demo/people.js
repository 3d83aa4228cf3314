/** Who is here, may be back, or has left. */

import { durationWords, reasonWords, timeWords, typeWords } from "../desk/words.js";
import { element, sentence } from "./element.js";
import { shape } from "./shapes.js";

const TICK_MS = 1_000;
const PUT_OUT = "They pressed “Put out” on their page.";

/**
 * @param {import("../chat.js").HadirChat} client
 * @param {{id: string, type: string}} me
 * @param {(error: Error) => void} fail
 */
export function showPeople(client, me, fail) {
  const root = document.querySelector("#people");
  const heading = root.querySelector("h2");
  const stale = element("p", "stale-note");
  const nobody = element("p", "nobody");
  const list = element("ul");
  /** @type {Map<string, ReturnType<typeof row>>} */
  const rows = new Map();
  list.setAttribute("role", "list");
  root.append(stale, list, nobody);

  function row(id, type) {
    const mark = element("span", "mark");
    const note = element("p", "note");
    const isMe = id === me.id && type === me.type;
    const kind = element("span", "kind", `${typeWords(type)}${isMe ? ", you" : ""}`);
    const item = element("li", "", mark, element("div", "who", element("p", "name", id, " ", kind), note));
    const button = element("button", "", "Put out", element("span", "unseen", ` ${id}`));
    button.addEventListener("click", () => {
      if (client.connection !== "open") return;
      try {
        client.kick(id, PUT_OUT, type);
      } catch (error) {
        fail(error);
      }
    });
    return { item, mark, note, button: me.type === "admin" && !isMe ? button : null };
  }

  function show() {
    const focused = document.activeElement;
    const isOpen = client.connection === "open";
    const keys = new Set();
    for (const [place, person] of client.people.entries()) {
      const key = `${person.type}:${person.id}`;
      keys.add(key);
      const shown = rows.get(key) ?? row(person.id, person.type);
      rows.set(key, shown);
      if (shown.item.dataset.presence !== person.presence) {
        shown.item.dataset.presence = person.presence;
        shown.mark.replaceChildren(shape(person.presence));
      }
      if (shown.button) {
        shown.button.setAttribute("aria-disabled", `${!isOpen}`);
        if (person.presence !== "here") shown.button.remove();
        else if (!shown.button.isConnected || !shown.item.contains(shown.button)) shown.item.append(shown.button);
      }
      if (list.children[place] !== shown.item) list.insertBefore(shown.item, list.children[place] ?? null);
    }
    for (const [key, { item }] of rows) {
      if (keys.has(key)) continue;
      item.remove();
      rows.delete(key);
    }
    nobody.hidden = keys.size > 0;
    nobody.textContent = isOpen ? "Nobody yet" : "Not known yet";
    tick();
    if (root.isConnected && focused !== document.activeElement) {
      if (focused.isConnected) focused.focus();
      else heading.focus();
    }
  }

  /** The words that go with the time. No screen reader is told of them: they are read when looked at. */
  function tick() {
    const now = Date.now();
    for (const person of client.people) {
      const note = rows.get(`${person.type}:${person.id}`).note;
      const text = words(person, client.connection === "open", now);
      if (note.textContent !== text) note.textContent = text;
    }
  }

  function showAge() {
    const isStale = client.connection !== "open";
    if (isStale && root.dataset.stale === undefined && list.children.length) {
      const now = Date.now();
      const time = element("time", "", timeWords(now, now));
      time.dateTime = new Date(now).toISOString();
      stale.replaceChildren("As of ", time, ". Not up to date while there is no connection.");
      root.dataset.stale = "";
    } else if (!isStale) {
      delete root.dataset.stale;
    }
    stale.hidden = root.dataset.stale === undefined;
    show();
  }

  client.on("people", show);
  client.on("connection", showAge);
  setInterval(() => client.connection === "open" && tick(), TICK_MS);
  showAge();
}

/**
 * @param {import("../people.js").Person} person
 * @param {boolean} isOpen
 * @param {number} now
 */
function words({ presence, since, departure }, isOpen, now) {
  const ago = (/** @type {string} */ at) => durationWords((now - Date.parse(at)) / 1000);
  if (presence === "here") {
    if (!since) return "Here";
    return isOpen ? `Here for ${ago(since)}` : `Here since ${timeWords(since, now)}`;
  }
  const why = sentence(reasonWords(departure));
  if (presence === "maybe back") return `May be back. ${why}.`;
  if (!departure) return `Left. ${why}.`;
  const at = departure.timestamp;
  return `Left at ${timeWords(at, now)}${isOpen ? `, ${ago(at)} ago` : ""}. ${why}.`;
}
