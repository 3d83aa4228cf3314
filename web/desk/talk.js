/** What is said in a session, and a place to write. */

import { element, write } from "./element.js";
import { keyOf } from "./log.js";
import { holderWords } from "./row-words.js";
import { nameOf } from "./rows.js";
import { clockWords, eventWords } from "./words.js";

/** @typedef {import("./rows.js").Row} Row */

/** @type {Record<string, string>} */
const STATES = { waiting: "waits for the connection", sending: "sending" };

/**
 * @param {HTMLElement} root
 * @param {Object} desk
 * @param {import("./views.js").Me} desk.me
 * @param {() => number} desk.now
 * @param {import("./visit.js").Visit} desk.visit
 * @param {import("./chats.js").Chats} desk.chats
 */
export function talk(root, { me, now, visit, chats }) {
  const earlier = element("button", { type: "button", className: "quiet earlier" }, "Show earlier");
  earlier.addEventListener("click", () => visit.earlier());
  const log = element("div", { className: "log", role: "log", "aria-label": "What was said", tabIndex: 0 });
  const trouble = element("p", "trouble");
  const typing = element("p", "typing");
  const text = element("textarea", { rows: 1, maxLength: 4_000, "aria-label": "Message" });
  const send = element("button", { type: "submit", className: "primary" }, "Send");
  const form = element("form", {}, text, send);
  root.append(earlier, trouble, log, typing, form);

  /** @type {?string} */
  let id = null;
  /** What was begun in each session, and not sent. @type {Map<string, string>} */
  const drafts = new Map();
  let drawn = /** @type {any} */ ([]);
  /** What is in the log, by what it is of: only what is new is put in, and read out. @type {Map<string, {node: HTMLElement, signature: string}>} */
  let lines = new Map();
  /** Whether the newest is in sight, and is to stay so. */
  let isAtEnd = true;
  const toEnd = () => isAtEnd && log.scrollTo(0, log.scrollHeight);
  log.addEventListener("scroll", () => {
    isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  });
  new ResizeObserver(toEnd).observe(log);

  const submit = () => {
    const said = text.value.trim();
    if (!said || !id) return;
    chats.say(id, said);
    text.value = "";
    isAtEnd = true;
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
  text.addEventListener("input", () => {
    fit();
    if (id) chats.typing(id, text.value !== "");
  });

  /** @typedef {{key: string, signature: string, make: () => HTMLElement}} Line */

  /** @param {any} event @param {any} last  the one before @param {Row} row @returns {?Line} */
  const lineOf = (event, last, row) => {
    const at = clockWords(event.timestamp, now());
    const key = keyOf(event);
    if (!("text" in event)) {
      const words = wordsOf(event, row);
      const make = () => element("p", "happened", element("span", {}, words), " ", element("time", {}, at));
      return words ? { key, signature: words, make } : null;
    }
    const isMine = event.user_id === me.id && event.user_type === me.type;
    const kind = event.user_type === "customer" ? "theirs" : isMine ? "mine" : "ours";
    const who = isMine ? "You" : nameIn(row, event.user_type, event.user_id);
    const isNext = last?.user_id === event.user_id && last?.user_type === event.user_type && "text" in last;
    const make = () => {
      const by = element("p", isNext ? "unseen" : "by", who, " ", element("time", { dateTime: event.timestamp }, at));
      const body = element("p", "text", event.erased ? "(erased)" : event.text);
      return element("div", `said ${kind}${isNext ? " next" : ""}`, by, body);
    };
    return { key, signature: `${kind} ${who} ${isNext} ${event.erased}`, make };
  };

  /** @param {import("../outbox.js").Delivery} delivery @returns {Line} */
  const unsentLine = ({ clientId, text: said, state, error }) => {
    const isLost = state === "failed";
    const words = isLost ? `not sent: ${error ?? "it is not known whether it arrived"}` : STATES[state];
    const make = () => {
      const by = element("p", "by", "You · ", element("span", isLost ? "lost" : "", words));
      const made = element("div", "said mine pending", by, element("p", "text", said));
      if (!isLost) return made;
      const again = element("button", { type: "button", className: "quiet" }, "Send again");
      again.addEventListener("click", () => id && chats.again(id, clientId));
      made.append(again);
      return made;
    };
    return { key: clientId, signature: words, make };
  };

  /** @param {any} event @param {Row} row */
  const wordsOf = (event, row) => {
    if ("assignment" in event) {
      const who = holderWords({ ...row, holder: event.assignment }, me);
      if (!event.assignment) return "Given back";
      return event.assignment.gone ? who : `${who} took it`;
    }
    if (!event.event_type) return "";
    const { who, what, why } = eventWords(event, me);
    const name = who === "You" ? who : nameIn(row, event.event_user_type, event.event_user_id);
    return [`${name} ${what}`, ...why].join(" · ");
  };

  /** @param {Line[]} wanted */
  const draw = (wanted) => {
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, { node }] of lines) {
      if (keys.has(key)) continue;
      node.remove();
      lines.delete(key);
    }
    wanted.forEach(({ key, signature, make }, at) => {
      const known = lines.get(key);
      const node = known?.signature === signature ? known.node : make();
      if (known && known.node !== node) known.node.replaceWith(node);
      lines.set(key, { node, signature });
      if (log.children[at] !== node) log.insertBefore(node, log.children[at] ?? null);
    });
  };

  /** @param {Row} row */
  const change = (row) => {
    if (id) drafts.set(id, text.value);
    id = row.id;
    isAtEnd = true;
    text.value = drafts.get(id) ?? "";
    drawn = [];
    lines = new Map();
    log.replaceChildren();
    fit();
  };

  /** @param {Row} row */
  function render(row) {
    if (id !== row.id) change(row);
    const { isIn, unsent, writing, trouble: ended } = chats.stateOf(row.id);
    const names = writing.map((each) => nameIn(row, null, each));
    write(typing, names.length ? `${names.join(", ")} ${names.length > 1 ? "are" : "is"} writing …` : "");
    const unread = visit.trouble ? `What was before cannot be read: ${visit.trouble}.` : "";
    write(trouble, [unread, ended && `You are not in this session any more: ${ended}.`].filter(Boolean).join(" "));
    earlier.hidden = visit.isLoading || (!visit.trouble && (visit.log.isWhole || !visit.log.events.length));
    write(earlier, visit.trouble ? "Try again" : "Show earlier");
    const isOver = !row.session;
    text.disabled = send.disabled = isOver;
    text.placeholder = isOver ? "Nobody is here any more" : isIn ? "Write a message" : "Write, and join the conversation";
    // What was there before is not news to whoever listens.
    log.setAttribute("aria-live", visit.isLoading ? "off" : "polite");
    const key = unsent.map(({ clientId, state }) => `${clientId} ${state}`).join();
    const wanted = [visit.log, key, row.people];
    if (drawn.length && wanted.every((each, at) => each === drawn[at])) return;
    drawn = wanted;
    const known = new Set(visit.log.events.map(({ client_id }) => client_id));
    const told = visit.log.events.flatMap((event, at, all) => lineOf(event, all[at - 1], row) ?? []);
    draw([...told, ...unsent.filter(({ clientId }) => !known.has(clientId)).map(unsentLine)]);
    toEnd();
  }

  return { render, focus: () => text.focus() };
}

/** @param {Row} row @param {?string} type @param {string|undefined} id */
function nameIn({ people }, type, id) {
  const person = people.find((each) => each.id === id && (!type || each.type === type));
  return nameOf(person ?? null) || id || `${type}`;
}
