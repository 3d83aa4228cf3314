/** The widget's sizes and times. Without imports, so that a bundler puts them in place. */

/** A lost connection is often back within it. */
export const CALM_MS = 1_000;
export const ASK_AGAIN_MS = 5_000;
/** Unused for so long, it is another conversation: perhaps of somebody else at the same machine. */
export const UNUSED_MS = 24 * 3_600_000;

/** Characters of base 36; together over 128 bits: whoever knows a session may be in it. */
export const SECRET_LENGTH = 26;
export const LONGEST_PAGE = 200;

/** As in the style. */
export const PHONE_PX = 480;
/** So near its end, the log follows what is new. */
export const NEAR_PX = 80;
