/** What was said in a session, however it came to be known. Pure. */

/**
 * @typedef {import("./state.js").Message} Message
 */

/**
 * By time, as the REST API gives all messages the epoch of now, and the socket the one they came in; within a
 * second by version.
 * @param {Message} a
 * @param {Message} b
 */
const order = (a, b) =>
  a.timestamp === b.timestamp ? a.version - b.version : a.timestamp < b.timestamp ? -1 : 1;

/**
 * The messages after some events were told or fetched: each message once, in the session's order.
 * @param {readonly Message[]} messages
 * @param {readonly any[]} events  messages, and others, which are left out
 * @returns {readonly Message[]}  the same list, where nothing is new
 */
export function addMessages(messages, events) {
  const known = new Map(messages.map((message) => [message.id, message]));
  for (const event of events) if ("text" in event && !known.has(event.id)) known.set(event.id, event);
  return known.size === messages.length ? messages : [...known.values()].sort(order);
}
