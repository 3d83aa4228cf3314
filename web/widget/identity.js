/** Who a visitor is on this site, from page to page. Pure. */

import { SECRET_LENGTH, UNUSED_MS } from "./measures.js";

/**
 * @typedef {Object} Identity  what is kept of a visitor
 * @property {string} [session]  of the browser's own making, where nobody else names one
 * @property {string} [user]
 * @property {number} [at]  when it was last used, milliseconds since the Unix epoch
 * @property {string} [who]  the session and the user of the conversation that was begun
 * @property {string} [name]  "" where they would not say
 * @property {string} [read]  the id of the newest message that they have seen
 */

/**
 * @param {Identity} known
 * @param {number} now
 * @returns {Identity}  a new one has nothing of the one before
 */
export const identityOf = (known, now) => ({
  session: `chat_${random(SECRET_LENGTH)}`,
  user: `visitor_${random(8)}`,
  at: now,
  who: undefined,
  name: undefined,
  ...(now - (known.at ?? 0) < UNUSED_MS && known),
});

/** @param {number} length  in characters of base 36 */
const random = (length) =>
  Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => (byte % 36).toString(36)).join("");
