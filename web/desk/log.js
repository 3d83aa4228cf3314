/** What is known of the events of one session: fetched, and told since. Pure. */

/**
 * @typedef {Object} Log
 * @property {readonly any[]} events  each once, in the session's order, as the REST API has them
 * @property {boolean} isWhole  nothing is missing before the first
 */

/** @type {Log} */
export const initialLog = Object.freeze({ events: [], isWhole: false });

/** As many as the REST API gives at once. */
export const PAGE = 200;

/** @param {any} event */
const keyOf = ({ epoch, version }) => `${epoch} ${version}`;

/** @param {any} a @param {any} b */
const order = (a, b) => (a.epoch === b.epoch ? a.version - b.version : a.epoch < b.epoch ? -1 : 1);

/**
 * @param {Log} log
 * @param {readonly any[]} events
 * @param {boolean} [isWhole]  there are none before these
 * @returns {Log}
 */
export function add(log, events, isWhole = log.isWhole) {
  const all = new Map(log.events.map((event) => [keyOf(event), event]));
  for (const event of events) if (event.version && !all.has(keyOf(event))) all.set(keyOf(event), event);
  if (all.size === log.events.length && isWhole === log.isWhole) return log;
  return { events: [...all.values()].sort(order), isWhole };
}
