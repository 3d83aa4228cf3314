/** What happened in a session as a picture: who was there when, what was missing, what was said. Pure. */

/**
 * @typedef {Object} Span  somebody was there
 * @property {number} from  ms since the Unix epoch; -Infinity: since before what is known
 * @property {number} to  Infinity: still
 * @property {?any} departure  the event of their leave; null: still there
 *
 * @typedef {Object} Lane  a person
 * @property {string} id
 * @property {string} type
 * @property {Span[]} spans  by time
 *
 * @typedef {Object} Tick
 * @property {number} at
 * @property {"message"|"assignment"} kind
 * @property {any} event
 *
 * @typedef {Object} Timeline
 * @property {Lane[]} lanes  customers first, each by when they came
 * @property {Tick[]} ticks
 * @property {number} from  of the first event
 */

/** Who is back after less than that was interrupted: a gap, not an absence. */
const GAP_MS = 60_000;

/**
 * @param {readonly any[]} events  in the session's order, as the REST API has them
 * @param {readonly {id: string, type: string, since: ?string}[]} [here]  who is there now
 * @returns {Timeline}
 */
export function timelineOf(events, here = []) {
  /** @type {Map<string, Lane>} */
  const lanes = new Map();
  /** @type {Tick[]} */
  const ticks = [];
  const laneOf = (/** @type {string} */ type, /** @type {string} */ id) => {
    const key = `${type}:${id}`;
    const lane = lanes.get(key) ?? { id, type, spans: [] };
    lanes.set(key, lane);
    return lane;
  };
  for (const event of events) {
    const at = Date.parse(event.timestamp);
    if ("text" in event) ticks.push({ at, kind: "message", event });
    else if ("assignment" in event) ticks.push({ at, kind: "assignment", event });
    if (!event.event_type) continue;
    const { spans } = laneOf(event.event_user_type, event.event_user_id);
    const last = spans.at(-1);
    if (event.event_type === "user_connected") {
      if (!last?.departure && last) continue; // what came in between is not known
      spans.push({ from: at, to: Infinity, departure: null });
    } else if (last && !last.departure) Object.assign(last, { to: at, departure: event });
    else if (!last) spans.push({ from: -Infinity, to: at, departure: event });
  }
  for (const { id, type, since } of here) {
    const { spans } = laneOf(type, id);
    const from = Date.parse(since ?? "") || -Infinity;
    if (!spans.length || spans.at(-1)?.departure) spans.push({ from, to: Infinity, departure: null });
  }
  const from = Date.parse(events[0]?.timestamp ?? here.map(({ since }) => since ?? "").sort()[0] ?? "");
  const order = (/** @type {Lane} */ lane) => (lane.type === "customer" ? 0 : 1);
  const sorted = [...lanes.values()].sort((a, b) => order(a) - order(b) || a.spans[0].from - b.spans[0].from);
  return { lanes: sorted, ticks, from };
}

/**
 * The short absences of a person, after which they were back.
 * @param {Lane} lane
 * @returns {{from: number, to: number, departure: any}[]}
 */
export function gapsOf({ spans }) {
  return spans.slice(1).flatMap(({ from }, at) => {
    const { to, departure } = spans[at];
    return from - to < GAP_MS ? [{ from: to, to: from, departure }] : [];
  });
}

/**
 * Who was there at a moment, and what had been said by then.
 * @param {Timeline} timeline
 * @param {number} at
 */
export function at(timeline, at) {
  const people = timeline.lanes.filter(({ spans }) => spans.some(({ from, to }) => from <= at && at < to));
  const said = timeline.ticks.filter((tick) => tick.kind === "message" && tick.at <= at);
  return { people, said: said.length };
}

/**
 * Where a moment is on the picture, from 0 to 1.
 * @param {number} moment
 * @param {{from: number, to: number}} range
 */
export function place(moment, { from, to }) {
  return to > from ? Math.min(Math.max((moment - from) / (to - from), 0), 1) : 1;
}
