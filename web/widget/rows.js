/** The conversation as it is shown: who says what, below which day. Pure. */

import { isOf } from "./unsent.js";

/**
 * @typedef {import("../state.js").Message} Message
 *
 * @typedef {{epoch: string, version: number}} Place  in the session's order
 *
 * @typedef {Object} Row
 * @property {string} key  the same once what was written here is a message
 * @property {string} text
 * @property {boolean} isMine
 * @property {number} at  milliseconds since the Unix epoch
 * @property {boolean} isNewDay
 * @property {string} who  says it
 * @property {boolean} isFirst  of some that one person says on one day
 * @property {?import("../outbox.js").Delivery["state"]} state  what to say of its delivery
 */

/**
 * @param {readonly Message[]} messages  in order
 * @param {readonly import("./unsent.js").Unsent[]} unsent
 * @param {string|undefined} me  my id
 * @param {(message: Message) => string} nameOf
 * @param {number} now  whose day needs no name
 * @returns {Row[]}
 */
export function rowsOf(messages, unsent, me, nameOf, now) {
  const dayOf = (/** @type {number} */ at) => new Date(at).toDateString();
  let [day, speaker] = [dayOf(now), ""];
  const last = messages.at(-1);
  return [
    ...messages.map((message) => ({
      key: message.client_id ?? message.id,
      text: message.text,
      isMine: isOf(message, me),
      at: Date.parse(message.timestamp),
      who: nameOf(message),
      state: /** @type {Row["state"]} */ (message === last && !unsent.length ? "sent" : null),
    })),
    ...unsent.map(({ clientId: key, text, at, state }) => {
      const own = /** @type {Message} */ ({ user_id: me, user_type: "customer" });
      return { key, text, isMine: true, at, who: nameOf(own), state };
    }),
  ].map((row) => {
    const isNewDay = dayOf(row.at) !== day;
    const isFirst = isNewDay || `${row.isMine}${row.who}` !== speaker;
    day = dayOf(row.at);
    speaker = `${row.isMine}${row.who}`;
    return { ...row, isNewDay, isFirst, state: row.isMine ? row.state : null };
  });
}

/**
 * How many messages of others are new since the newest that was seen.
 * @param {readonly Message[]} messages
 * @param {Place|undefined} read
 * @param {string} [me]  my id
 */
export const unreadOf = (messages, read = { epoch: "", version: 0 }, me) =>
  messages.filter(
    (message) =>
      !isOf(message, me) &&
      (message.epoch === read.epoch ? message.version > read.version : message.epoch > read.epoch),
  ).length;

/**
 * A text in parts: each second one is an address to be linked.
 * @param {string} text
 * @returns {string[]}
 */
export const partsOf = (text) => text.split(/(\bhttps?:\/\/[^\s<>"]*[^\s<>"'.,;:!?)\]}…])/i);
