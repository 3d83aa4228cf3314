/** The button in the corner, and the panel that it opens. */

import { iconButton, make, write } from "./dom.js";
import { logOf } from "./log.js";
import { rowsOf } from "./rows.js";
import { isOf, notShown } from "./unsent.js";
import { agentsOf, headerOf, noteOf } from "./who.js";

const PHONE = "(max-width: 480px)";
const MOST_SHOWN = 9;
const MOST_FACES = 3;

/**
 * @param {import("./texts.js").Say} say
 * @param {string} lang
 * @param {{send: (text: string) => void, write: (draft: string) => void, retry: (key: string) => void,
 *   rename: (name: string) => void, open: () => void, close: () => void}} on
 */
export function panelOf(say, lang, on) {
  const bubble = iconButton("bubble", "", "M12 4a8 7.4 0 1 1-3.4 14.1L4 20l1.4-4A8 7.4 0 0 1 12 4Z");
  const badge = make("b", "badge");
  bubble.append(badge);

  const faces = make("div", "faces");
  const title = make("h2", "", { id: "title" });
  const line = make("p", "line");
  const close = iconButton("icon", say("close"), "M6 6l12 12M18 6 6 18");
  const log = logOf(say, lang, on.retry);
  const welcome = make("p", "welcome", {}, say("welcome"));
  const writing = make("p", "head writing");
  const note = make("p", "head note", { role: "status" });

  const name = make("input", "field", { "aria-label": say("name"), autocomplete: "name" });
  const skip = make("button", "plain", { type: "button" }, say("skip"));
  const save = make("button", "plain", {}, say("save"));
  const asking = make("form", "asking", {}, make("p", "", {}, say("name")), name, save, skip);

  const label = say("write");
  const text = make("textarea", "field", {
    ...{ rows: "1", maxlength: "4000", enterkeyhint: "send" },
    ...{ "aria-label": label, placeholder: label },
  });
  const send = iconButton("icon send", say("send"), "M12 19V5M6 11l6-6 6 6");
  const form = make("form", "composer", {}, text, send);
  const header = make("header", "", {}, faces, make("div", "who", {}, title, line), close);
  const dialog = make(
    "dialog",
    "",
    { "aria-labelledby": "title", lang },
    ...[header, welcome, log.element, writing, asking, note, form],
  );

  bubble.onclick = () => (dialog.open ? on.close() : on.open());
  close.onclick = on.close;
  // Also by the phone's own way back.
  dialog.onclose = () => dialog.open || on.close();
  dialog.onkeydown = (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.preventDefault();
    on.close();
  };
  text.oninput = () => on.write(text.value);
  text.onkeydown = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    const said = text.value.trim();
    if (said) on.send(said);
    log.toEnd();
    text.focus();
  };
  /** @param {string} given */
  const rename = (given) => {
    on.rename(given);
    text.focus();
  };
  asking.onsubmit = (event) => {
    event.preventDefault();
    rename(name.value.trim());
  };
  skip.onclick = () => rename("");

  let seen = "";
  /** @param {string[]} addresses */
  const showFaces = (addresses) => {
    if (seen === `${addresses}`) return;
    seen = `${addresses}`;
    faces.replaceChildren(...addresses.map((src) => make("img", "", { src, alt: "" })));
  };

  return {
    elements: [dialog, bubble],

    /**
     * @param {boolean} hasFocus  whether to move it there; not on a page that has just been opened,
     *   which on a phone the panel would hide
     * @returns {boolean} whether it is open
     */
    open(hasFocus) {
      const isPhone = matchMedia(PHONE).matches;
      if (dialog.open || (isPhone && !hasFocus)) return dialog.open;
      if (!hasFocus) dialog.setAttribute("open", "");
      else if (isPhone) dialog.showModal();
      else dialog.show();
      log.toEnd();
      if (hasFocus) text.focus();
      return true;
    },

    close() {
      const hasFocus = dialog.matches(":focus-within");
      dialog.close();
      if (hasFocus) bubble.focus();
    },

    /** @param {import("./talk.js").Talk} talk */
    show({ messages, unsent, people, total, availability, connection, me, unread, writer, ...talk }) {
      const agents = agentsOf(people);
      /** @param {any} whose  a message, or typing */
      const nameOf = (whose) =>
        isOf(whose, me)
          ? say("you")
          : people.find(({ id, type }) => id === whose.user_id && type === whose.user_type)?.name ??
            whose.user_id ??
            say("team");
      const pending = notShown(unsent, messages, me);
      const rows = rowsOf(messages, pending, me, nameOf, Date.now());
      const header = headerOf(agents, total, availability, say);

      const isAtEnd = log.isAtEnd();
      write(badge, unread > MOST_SHOWN ? `${MOST_SHOWN}+` : `${unread || ""}`);
      const name = say(talk.isOpen ? "close" : "open");
      bubble.ariaLabel = unread ? `${name}. ${say("unread", "", unread)}` : name;
      bubble.ariaExpanded = `${talk.isOpen}`;
      showFaces(agents.flatMap(({ avatar }) => avatar ?? []).slice(0, MOST_FACES));
      write(title, header.title);
      write(line, header.line);
      line.dataset.shape = header.shape;
      welcome.hidden = rows.length > 0;
      log.show(rows);
      write(writing, writer ? say("writing", nameOf(writer)) : "");
      write(note, noteOf(connection, pending.some(({ state }) => state === "waiting"), say));
      asking.hidden = !talk.asksName;
      form.hidden = /^(kicked|un)/.test(connection);
      if (text.value !== talk.draft) text.value = talk.draft;
      if (isAtEnd) log.toEnd(); // also where something below it has taken its room
    },
  };
}
