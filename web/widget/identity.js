/** Who a visitor is on this site, from page to page. Pure. */

/** Unused for so long, it is another conversation: perhaps of somebody else at the same machine. */
const UNUSED_MS = 24 * 3_600_000;

/**
 * @typedef {Object} Identity  what is kept of a visitor
 * @property {string} [session]  of the browser's own making, where nobody else names one
 * @property {string} [user]
 * @property {number} [at]  when it was last used, milliseconds since the Unix epoch
 * @property {string} [who]  the session and the user of the conversation that was begun
 * @property {string} [name]  "" where they would not say
 * @property {import("./rows.js").Place} [read]  the newest message that they have seen
 */

/**
 * @param {Identity} known
 * @param {number} now
 * @param {() => string} newSecret  that nobody can guess: whoever knows a session may be in it
 * @returns {Identity}  a new one has nothing of the one before
 */
export const identityOf = (known, now, newSecret) => ({
  session: `chat_${newSecret()}`,
  user: `visitor_${newSecret()}`,
  at: now,
  who: undefined,
  name: undefined,
  read: undefined,
  ...(now - (known.at ?? 0) < UNUSED_MS && known),
});

/** 128 random bits. */
export const newSecret = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

/**
 * A text that fits into a state.
 * @param {string} text
 * @param {number} most  characters
 */
export const cut = (text, most) => [...text].slice(0, most).join("");
