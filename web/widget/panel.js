/** The button in the corner, and the panel that it opens. */

import { iconButton, make, write } from "./dom.js";
import { logOf } from "./log.js";
import { PHONE_PX } from "./measures.js";
import { converse } from "./talk.js";
import { agentsOf, headerOf } from "./who.js";

/**
 * @param {import("./talk.js").Options} options
 * @param {import("./texts.js").Say} say
 * @param {string} lang
 */
export function panelOf(options, say, lang) {
  /** @param {import("./talk.js").Talk} talk */
  const show = ({ rows, people, total = 0, availability = "", connection, unread, writer, ...more }) => {
    /** @param {{user_id?: string, user_type?: string}} whose */
    const nameOf = ({ user_id, user_type }) =>
      people.find(({ id, type }) => id === user_id && type === user_type)?.name ?? user_id ?? say("team");
    const hasEnded = /^(kicked|un)/.test(connection);
    const [who, how, shape] = headerOf(agentsOf(people), total, availability, say);
    const isAtEnd = log.isAtEnd();
    const label = say(more.isOpen ? "close" : "open");
    write(badge, `${unread || ""}`);
    bubble.ariaLabel = unread ? `${label}, ${say("unread", unread)}` : label;
    bubble.ariaExpanded = `${more.isOpen}`;
    write(title, (dialog.ariaLabel = who));
    write(line, hasEnded ? "" : how);
    line.className = `line ${shape}`;
    log.show(rows, nameOf);
    log.element.ariaLive = more.isWhole ? "polite" : "off";
    write(writing, writer?.on ? say("writing", 0, nameOf(writer)) : "");
    write(note, connection === "open" ? "" : say(connection));
    asking.hidden = !more.asksName;
    composer.hidden = hasEnded;
    if (text.value !== more.draft) text.value = more.draft ?? "";
    if (isAtEnd) log.toEnd(); // also where something below it has taken its room
  };

  const talk = converse(options, show);

  /** @param {boolean} hasFocus  whether to move it there, and connect */
  const open = (hasFocus) => {
    const isPhone = innerWidth <= PHONE_PX;
    // Of a page that has just been opened, a phone would show nothing else.
    if (dialog.open || (isPhone && !hasFocus)) return;
    if (!hasFocus) dialog.setAttribute("open", "");
    else if (isPhone) dialog.showModal();
    else dialog.show();
    log.toEnd();
    talk.turn(true);
    if (!hasFocus) return;
    talk.begin();
    text.focus();
  };

  const close = () => {
    if (dialog.matches(":focus-within")) bubble.focus();
    dialog.close();
    talk.turn(false);
  };

  /** @param {string} key @param {() => void} run @returns {(event: KeyboardEvent) => void} */
  const on = (key, run) => (event) => {
    if (event.key !== key || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    run();
  };

  const bubble = iconButton(
    "bubble",
    "",
    "M5 5h14v11H10l-5 4Z",
    () => (dialog.open ? close() : open(true)),
  );
  const badge = make("b");
  bubble.append(badge);

  const title = make("h2");
  const line = make("p", "line");
  const header = make("header", "bar", {}, make("div", "wide", {}, title, line));
  header.append(iconButton("icon", say("close"), "M6 6l12 12M18 6 6 18", close));

  const log = logOf(say, lang, (row) => talk.retry(row));
  const writing = make("p", "head note");
  const note = make("p", "head note warn", { role: "status" });

  const rename = (given = name.value.trim()) => {
    talk.rename(given);
    text.focus();
  };
  const name = make("input", "wide", {
    ...{ placeholder: say("name"), autocomplete: /** @type {const} */ ("name"), maxLength: 60 },
    onkeydown: on("Enter", () => rename()),
  });
  const save = make("button", "plain", { onclick: () => rename() }, say("save"));
  const skip = make("button", "plain", { onclick: () => rename("") }, say("skip"));
  const asking = make("div", "bar", {}, name, save, skip);

  const send = () => {
    const said = text.value.trim();
    if (said) talk.send(said);
    log.toEnd();
    text.focus();
  };
  const text = make("textarea", "wide", {
    ...{ placeholder: say("write"), rows: 1, maxLength: 4000, enterKeyHint: "send" },
    oninput: () => talk.write(text.value),
    onkeydown: on("Enter", send),
  });
  const composer = make("div", "bar", {}, text, iconButton("icon send", say("send"), "M12 19V5M6 11l6-6 6 6", send));

  const dialog = make(
    "dialog",
    "",
    // Also by the phone's own way back.
    { lang, onclose: () => dialog.open || close(), onkeydown: on("Escape", close) },
    ...[header, log.element, writing, asking, note, composer],
  );

  return { elements: [dialog, bubble], open, close, talk };
}
