/** The timeline of a session, with a scrubber: who was there then. */

import { drawing, element, write } from "./element.js";
import { nameOf } from "./rows.js";
import { at, gapsOf, place, timelineOf } from "./timeline.js";
import { clockWords, durationWords, reasonWords, timeWords } from "./words.js";

/** @typedef {import("./rows.js").Row} Row */

const LANE = 16;
const BAR = 6;
const STEPS = 1_000;
const MOST_LANES = 8;

/**
 * @param {HTMLElement} root
 * @param {import("./visit.js").Visit} visit
 * @param {() => number} now
 */
export function drawTimeline(root, visit, now) {
  const picture = drawing("svg", { class: "lanes", "aria-hidden": "true" });
  const scrubber = element("input", { type: "range", min: "0", max: `${STEPS}`, value: `${STEPS}`, "aria-label": "Moment" });
  const [begin, end] = [element("time"), element("time", {}, "now")];
  const [words, gone] = [element("p", "then"), element("p", "then")];
  root.append(element("div", "frame", picture, scrubber), element("p", "ends", begin, end), words, gone);
  let timeline = timelineOf([]);
  let range = { from: 0, to: 1 };
  let drawn = /** @type {any[]} */ ([]);
  /** Where somebody has moved the scrubber to; null: it stays at the end. @type {?number} */
  let moment = null;

  scrubber.addEventListener("input", () => {
    const share = Number(scrubber.value) / STEPS;
    moment = share === 1 ? null : range.from + share * (range.to - range.from);
    tell();
  });

  const tell = () => {
    const then = moment ?? range.to;
    const { people, said } = at(timeline, then);
    const names = people.map(({ id, type }) => nameIn(id, type));
    const who = names.length ? names.join(", ") : "nobody";
    const spoken = said === 1 ? "1 message" : `${said} messages`;
    const time = moment === null ? "Now" : timeWords(then, now());
    write(words, `${time}: ${who} · ${spoken}${moment === null ? "" : " so far"}`);
    write(gone, moment === null ? "" : goneBy(moment).join("; "));
    scrubber.setAttribute("aria-valuetext", [words, gone].map((each) => each.textContent).filter(Boolean).join(". "));
  };

  /** Who was not there then, since when, and why; for how long, if they came back. @param {number} then */
  const goneBy = (then) =>
    timeline.lanes.flatMap(({ id, type, spans }) => {
      const at = spans.filter(({ to }) => to <= then).length - 1;
      const { to = 0, departure } = spans[at] ?? {};
      const back = spans[at + 1]?.from ?? Infinity;
      if (!departure || back <= then) return [];
      const length = back < Infinity ? `, for ${durationWords((back - to) / 1000)}` : "";
      return [`${nameIn(id, type)} ${reasonWords(departure)} at ${timeWords(to, now())}${length}`];
    });

  /** @type {?Row} */
  let row = null;
  /** @param {string} id @param {string} type */
  const nameIn = (id, type) => nameOf(row?.people.find((each) => each.id === id && each.type === type) ?? null) || id;

  /** @param {number} moment */
  const x = (moment) => `${(place(moment, range) * 100).toFixed(2)}%`;
  /** @param {number} from @param {number} to */
  const width = (from, to) => `${((place(to, range) - place(from, range)) * 100).toFixed(2)}%`;

  const draw = () => {
    const lanes = timeline.lanes.slice(0, MOST_LANES);
    picture.setAttribute("height", `${Math.max(lanes.length, 1) * LANE + 4}`);
    /** @type {Element[]} */
    const parts = [];
    lanes.forEach((lane, place_) => {
      const y = place_ * LANE + (LANE - BAR) / 2;
      const kind = lane.type === "customer" ? "customer" : "staff";
      for (const { from, to, departure } of lane.spans) {
        parts.push(drawing("rect", { class: kind, x: x(from), width: width(from, to), y, height: BAR, rx: 3 }));
        if (departure) {
          parts.push(drawing("circle", { class: `end ${kind}`, cx: x(to), cy: y + BAR / 2, r: 2.5 }));
        }
      }
      for (const { from, to } of gapsOf(lane)) {
        const middle = y + BAR / 2;
        parts.push(drawing("line", { class: "gap", x1: x(from), x2: x(to), y1: middle, y2: middle }));
      }
    });
    for (const { at: moment, kind, event } of timeline.ticks) {
      const lane = lanes.findIndex(({ id, type }) => id === event.user_id && type === event.user_type);
      const y = Math.max(lane, 0) * LANE + LANE / 2;
      parts.push(drawing("line", { class: `tick ${kind}`, x1: x(moment), x2: x(moment), y1: y - 5, y2: y + 5 }));
    }
    picture.replaceChildren(...parts);
  };

  /** @param {Row} shown */
  function render(shown) {
    const isOther = row?.id !== shown.id;
    row = shown;
    if (isOther) moment = null;
    const second = Math.floor(now() / 1000);
    const wanted = [visit.log, shown.people, shown.session ? second : 0];
    if (!isOther && wanted.every((each, at) => each === drawn[at])) return;
    drawn = wanted;
    timeline = timelineOf(visit.log.events, shown.people.filter(({ presence }) => presence === "here"));
    const last = Math.max(...timeline.lanes.flatMap(({ spans }) => spans.map(({ to }) => (to === Infinity ? 0 : to))), 0);
    const isOver = !shown.session && last > 0;
    const to = isOver ? last : second * 1000;
    range = { from: Math.min(timeline.from || to - 60_000, to - 1_000), to };
    write(begin, clockWords(range.from, now()));
    write(end, isOver ? clockWords(to, now()) : "now");
    if (moment !== null) scrubber.value = `${Math.round(place(moment, range) * STEPS)}`;
    else scrubber.value = `${STEPS}`;
    draw();
    tell();
  }

  return { render };
}
