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

/**
 * The REST API gives all events the epoch of now, and the socket the one they came in: an event is known by
 * its version and its time.
 * @param {any} event
 */
export const keyOf = ({ version, timestamp }) => `${version} ${timestamp}`;

/** @param {any} a @param {any} b */
const order = (a, b) =>
  a.timestamp === b.timestamp ? a.version - b.version : a.timestamp < b.timestamp ? -1 : 1;

/**
 * @param {Log} log
 * @param {readonly any[]} events
 * @param {boolean} [isWhole]  there are none before these
 * @returns {Log}
 */
export function add(log, events, isWhole = log.isWhole) {
  const all = new Map(log.events.map((event) => [keyOf(event), event]));
  let isNews = isWhole !== log.isWhole;
  for (const event of events) {
    const known = all.get(keyOf(event));
    // The sender's own copy alone says which message of theirs it is.
    if (!event.version || (known && (known.client_id || !event.client_id))) continue;
    all.set(keyOf(event), event);
    isNews = true;
  }
  if (!isNews) return log;
  return { events: [...all.values()].sort(order), isWhole };
}
