/** What is said in a session, and a place to write. */

import { addMessages } from "../conversation.js";
import { element, fill, write } from "./element.js";
import { holderWords } from "./row-words.js";
import { nameOf } from "./rows.js";
import { clockWords, eventWords } from "./words.js";

/** @typedef {import("./rows.js").Row} Row */

const STATES = { waiting: "waits for the connection", sending: "sending", sent: "", failed: "not sent" };

/**
 * @param {HTMLElement} root
 * @param {Object} desk
 * @param {{id: string, type: string}} desk.me
 * @param {() => number} desk.now
 * @param {import("./visit.js").Visit} desk.visit
 * @param {import("./chats.js").Chats} desk.chats
 * @param {(text: string) => void} desk.say
 */
export function talk(root, { me, now, visit, chats, say }) {
  const earlier = element("button", { type: "button", className: "quiet earlier" }, "Show earlier");
  earlier.addEventListener("click", () => visit.earlier());
  const log = element("div", { className: "log", role: "log", "aria-label": "What was said", tabIndex: 0 });
  const trouble = element("p", "trouble");
  const typing = element("p", { className: "typing", "aria-live": "off" });
  const text = element("textarea", { rows: 1, maxLength: 4_000, "aria-label": "Message", placeholder: "Write a message" });
  const send = element("button", { type: "submit", className: "primary" }, "Send");
  const form = element("form", {}, text, send);
  root.append(earlier, trouble, log, typing, form);

  const submit = () => {
    if (!text.value.trim()) return;
    say(text.value.trim());
    text.value = "";
    fit();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  const fit = () => {
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight, 140)}px`;
  };
  /** @type {?string} */
  let id = null;
  text.addEventListener("input", () => {
    fit();
    if (id) chats.get(id)?.typing(text.value !== "");
  });

  /** What was begun in each session, and not sent. @type {Map<string, string>} */
  const drafts = new Map();
  let drawn = /** @type {any} */ ([]);
  /** Whether the newest is in sight, and is to stay so. */
  let isAtEnd = true;
  const toEnd = () => isAtEnd && log.scrollTo(0, log.scrollHeight);
  log.addEventListener("scroll", () => {
    isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  });
  new ResizeObserver(toEnd).observe(log);

  /** @param {any} event @param {any} last  the one before @param {Row} row */
  const lineOf = (event, last, row) => {
    const time = element("time", { dateTime: event.timestamp }, clockWords(event.timestamp, now()));
    if ("text" in event) {
      const isMine = event.user_id === me.id && event.user_type === me.type;
      const kind = event.user_type === "customer" ? "theirs" : isMine ? "mine" : "ours";
      const who = isMine ? "You" : nameIn(row, event.user_type, event.user_id);
      const body = event.erased ? "(erased)" : event.text;
      const isNext = last?.user_id === event.user_id && last?.user_type === event.user_type && "text" in last;
      const by = element("p", isNext ? "unseen" : "by", who, " ", time);
      return element("div", `said ${kind}${isNext ? " next" : ""}`, by, element("p", "text", body));
    }
    const words = wordsOf(event, row);
    return words ? element("p", "happened", element("span", {}, words), " ", time) : null;
  };

  /** @param {any} event @param {Row} row */
  const wordsOf = (event, row) => {
    if ("assignment" in event) {
      const who = holderWords({ ...row, holder: event.assignment }, me);
      if (!event.assignment) return "Given back";
      if (event.assignment.gone) return `${who}`;
      return who === "You" ? "You took it" : `${who} took it`;
    }
    if (!event.event_type) return "";
    const { who, what, why } = eventWords(event, me);
    const name = who === "You" ? who : nameIn(row, event.event_user_type, event.event_user_id);
    return [`${name} ${what}`, ...why].join(" · ");
  };

  /** @param {Row} row */
  function render(row) {
    if (id !== row.id) {
      if (id) drafts.set(id, text.value);
      id = row.id;
      isAtEnd = true;
      text.value = drafts.get(id) ?? "";
      fit();
    }
    const chat = chats.get(row.id);
    const writing = chats.writing(row.id).map((each) => nameIn(row, null, each));
    write(typing, writing.length ? `${writing.join(", ")} ${writing.length > 1 ? "are" : "is"} writing …` : "");
    write(trouble, visit.trouble ? `What was before cannot be read: ${visit.trouble}` : "");
    earlier.hidden = visit.log.isWhole || visit.isLoading || !visit.log.events.length;
    const isOver = !row.session;
    text.disabled = send.disabled = isOver;
    text.placeholder = isOver ? "Nobody is here any more" : chat ? "Write a message" : "Write, and join the conversation";
    const wanted = [visit.log, chat?.outbox ?? null, row.people];
    if (wanted.every((each, at) => each === drawn[at]) && drawn.length) return;
    drawn = wanted;
    const known = addMessages([], visit.log.events).map(({ client_id }) => client_id);
    const lines = visit.log.events.map((event, at, all) => lineOf(event, all[at - 1], row));
    const waiting = (chat?.outbox ?? []).filter(({ clientId }) => !known.includes(clientId));
    for (const { text: said, state } of waiting) {
      const by = element("p", "by", "You ", element("span", "delivery", STATES[state]));
      lines.push(element("div", "said mine pending", by, element("p", "text", said)));
    }
    fill(log, ...lines);
    toEnd();
  }

  return { render, focus: () => text.focus() };
}

/** @param {Row} row @param {?string} type @param {string|undefined} id */
function nameIn({ people }, type, id) {
  const person = people.find((each) => each.id === id && (!type || each.type === type));
  return nameOf(person ?? null) || id || `${type}`;
}

