/** One session: who is there and why, why others have left, its timeline, what is said in it. */

import { element, fill, shape, write } from "./element.js";
import { departureOf, evidenceOf } from "./evidence.js";
import { holderWords, statusOf } from "./row-words.js";
import { isFree, nameOf, pageOf } from "./rows.js";
import { talk } from "./talk.js";
import { titleOf } from "./store.js";
import { drawTimeline } from "./timeline-view.js";
import { isMine } from "./views.js";
import { clockWords, evidenceWords, reasonWords, sentence, timeWords, typeWords } from "./words.js";

/**
 * @typedef {import("./rows.js").Row} Row
 * @typedef {{id: string, type: "agent"|"admin"}} Colleague
 */

/**
 * @param {HTMLElement} root
 * @param {Object} desk
 * @param {import("./store.js").Store} desk.store
 * @param {import("./views.js").Me} desk.me
 * @param {() => number} desk.now
 * @param {import("./visit.js").Visit} desk.visit
 * @param {import("./chats.js").Chats} desk.chats
 * @param {(id: string) => void} desk.take
 * @param {(id: string) => void} desk.release
 * @param {(id: string, to: Colleague) => void} desk.handOver
 * @param {() => Promise<Colleague[]>} desk.colleagues  who else has a desk open
 * @param {(id: string, person: import("../people.js").Person) => void} desk.kick
 * @param {(text: string) => void} desk.tell  what does not work
 * @param {() => void} desk.close
 * @param {(id: string) => boolean} desk.isBusy
 */
export function pane(root, desk) {
  const { store, me, now, visit, chats } = desk;
  const button = (/** @type {string} */ label, /** @type {() => void} */ run, kind = "") => {
    const made = element("button", { type: "button", className: kind }, label);
    made.addEventListener("click", run);
    return made;
  };
  const whole = (/** @type {(id: string) => void} */ run) => () => store.selected && run(store.selected);

  const mark = element("span", "mark");
  const title = element("h2", { id: "pane-title", tabIndex: -1 });
  const standing = element("p", "standing");
  const close = element("button", { type: "button", className: "icon", "aria-label": "Close" }, shape("cross"));
  close.addEventListener("click", desk.close);
  const take = button("Take", whole(desk.take), "primary");
  const release = button("Give back", whole(desk.release));
  const over = element("select", { "aria-label": "Hand over to" });
  const give = button("Hand over", () => handOver());
  const holder = element("p", "held");
  const actions = element("div", "actions", take, over, give, release, holder);
  const people = element("ul", { className: "people", role: "list", "aria-label": "Who is here" });
  const line = element("section", { className: "timeline", "aria-label": "Timeline" });
  const speech = element("section", { className: "talk", "aria-label": "Conversation" });
  const head = element("header", {}, mark, element("div", "heading", title, standing), close);
  const body = element("div", "facts", actions, people, line);
  root.append(head, body, speech);
  root.setAttribute("aria-labelledby", "pane-title");

  const timeline = drawTimeline(line, visit, now);
  const conversation = talk(speech, { me, now, visit, chats });

  /** @type {Colleague[]} */
  let colleagues = [];
  const listColleagues = () => {
    const options = colleagues.map(({ id }, at) => element("option", { value: `${at}` }, id));
    const nobody = element("option", { value: "" }, colleagues.length ? "To …" : "Nobody else is here");
    fill(over, nobody, ...options);
    give.disabled = true;
  };
  /** Asked for when one comes to the list, and not again while it may be open. */
  const askColleagues = async () => {
    try {
      colleagues = await desk.colleagues();
    } catch (error) {
      desk.tell(`Who else is here cannot be read: ${/** @type {Error} */ (error).message}`);
    }
    listColleagues();
  };
  over.addEventListener("focus", askColleagues);
  over.addEventListener("change", () => (give.disabled = !over.value));
  const handOver = () => {
    const to = colleagues[Number(over.value)];
    if (over.value && to && store.selected) desk.handOver(store.selected, to);
    listColleagues();
  };
  fill(over, element("option", { value: "" }, "To …"));
  give.disabled = true;

  /** @type {?Row} */
  let drawn = null;
  let drawnFacts = /** @type {any} */ (null);
  let drawnKey = "";
  /** What is said of each person, some of which counts. @type {{person: import("../people.js").Person, reasons: HTMLElement[]}[]} */
  let told = [];

  /** @param {Row} row */
  const drawPeople = (row) => {
    const known = visit.facts;
    told = [];
    const items = row.people.slice(0, MOST_PEOPLE).map((person) => {
      const isHere = person.presence === "here";
      const state = isHere && person.state?.away ? "away" : person.presence;
      const kind = typeWords(person.type);
      const text = element("div", "who", element("p", "name", nameOf(person), element("span", "kind", kind)));
      const reasons = reasonsOf(person, known).map((why) => element("p", "why", why));
      text.append(...reasons);
      told.push({ person, reasons });
      const item = element("li", {}, element("span", "mark", shape(state)), text);
      item.dataset.state = state;
      const canKick = me.type === "admin" && isHere && !(person.id === me.id && person.type === me.type);
      if (canKick) {
        const out = button("Put out", () => desk.kick(row.id, person), "quiet");
        out.setAttribute("aria-label", `Put out ${nameOf(person)}`);
        item.append(out);
      }
      return item;
    });
    if (row.people.length > MOST_PEOPLE) {
      items.push(element("li", "more", `and ${row.people.length - MOST_PEOPLE} more`));
    }
    const focused = people.contains(document.activeElement)
      ? document.activeElement?.getAttribute("aria-label")
      : null;
    fill(people, ...items);
    if (focused) /** @type {?HTMLElement} */ (people.querySelector(`[aria-label="${CSS.escape(focused)}"]`))?.focus();
  };

  /** @param {import("../people.js").Person} person @param {any} facts @returns {string[]} */
  const reasonsOf = (person, facts) => {
    if (person.presence !== "here") {
      const departure = person.departure ?? departureOf(facts, person);
      if (!departure) return ["Why they left is not known."];
      const why = [reasonWords(departure), evidenceWords(departure)].filter(Boolean).join("; ");
      const words = `${timeWords(departure.timestamp, now())} · ${why}`;
      return [person.presence === "left" ? words : `May be back. ${words}`];
    }
    const known = facts?.people.find(
      (/** @type {any} */ each) => each.user_id === person.id && each.user_type === person.type,
    );
    const page = pageOf(person);
    const reasons = known ? evidenceOf(known, now()).map(sentence) : [];
    return [...(page ? [`On ${page}`] : []), ...reasons];
  };

  function render() {
    const { row } = store;
    root.hidden = !row;
    if (!row) return;
    const status = statusOf(row, now());
    const since = row.state === "here" && row.customer?.since;
    const text = `${sentence(status.text)} ${status.clock}`.trim();
    const here = since && `here since ${clockWords(since, now())}`;
    const words = status.kind === "here" && here ? [sentence(here)] : [text, status.why, here];
    write(standing, words.filter(Boolean).join(" · "));
    timeline.render(row);
    conversation.render(row);
    const key = `${desk.isBusy(row.id)} ${Math.floor(now() / 1000)}`;
    if (drawn === row && drawnFacts === visit.facts && key === drawnKey) return;
    const isOther = drawn?.id !== row.id;
    const isChanged = drawn !== row || drawnFacts !== visit.facts;
    [drawn, drawnFacts, drawnKey] = [row, visit.facts, key];
    write(title, titleOf(row));
    if (mark.dataset.state !== row.state) fill(mark, shape(row.state));
    mark.dataset.state = row.state;
    head.dataset.state = row.state;
    const mine = isMine(row, me);
    take.hidden = !isFree(row);
    take.disabled = desk.isBusy(row.id);
    release.hidden = over.hidden = give.hidden = !mine;
    release.disabled = over.disabled = !row.session;
    const held = mine ? "You have this session." : `${holderWords(row, me)} has this session.`;
    write(holder, row.holder ? held : "");
    // What a socket was last heard counts; the buttons beside it stay.
    if (isChanged || isOther) drawPeople(row);
    for (const { person, reasons } of told) {
      reasonsOf(person, visit.facts).forEach((text, at) => write(reasons[at], text));
    }
  }

  return { render, focus: () => title.focus(), write: () => conversation.focus() };
}

const MOST_PEOPLE = 20;
