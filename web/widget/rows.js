/** The conversation as it is shown: what was said, then what is not sent yet. Pure. */

import { isOf, notShown } from "./unsent.js";

/**
 * @typedef {import("../state.js").Message} Message
 * @typedef {import("./unsent.js").Unsent} Unsent
 * @typedef {{text: string, timestamp: string, isMine: boolean} & Partial<
 *   Omit<Message, "version"> & Pick<Unsent, "clientId"|"state">>} Row
 */

/**
 * @param {readonly Message[]} messages  in order
 * @param {readonly Unsent[]} unsent
 * @param {string} [me]  my id
 * @returns {Row[]}
 */
export const rowsOf = (messages, unsent, me) => [
  ...messages.map((message) => ({ ...message, isMine: isOf(message, me) })),
  ...notShown(unsent, messages, me).map((each) => ({ ...each, isMine: true })),
];

/**
 * How many messages of others are new.
 * @param {readonly Row[]} rows
 * @param {string} [read]  the id of the newest that was seen
 */
export const unreadOf = (rows, read = "") =>
  rows.slice(rows.findIndex(({ id }) => id === read) + 1).filter(({ isMine }) => !isMine).length;

/**
 * Since when the visitor waits for an answer: their first message after the last of the team.
 * @param {readonly Row[]} rows
 * @returns {string|undefined}  RFC 3339; undefined: they wait for none
 */
export function askedAt(rows) {
  let asked;
  for (const { isMine, user_type, timestamp, state } of rows) {
    if (!isMine) asked = user_type === "customer" ? asked : undefined;
    else if (state !== "failed") asked ??= timestamp;
  }
  return asked;
}

/**
 * A text in parts: each second one is an address to be linked.
 * @param {string} text
 * @returns {string[]}
 */
export const partsOf = (text) => text.split(/(\bhttps?:\/\/[^\s<>"]*[^\s<>"'.,;:!?)\]}…])/i);
