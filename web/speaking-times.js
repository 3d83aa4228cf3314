/**
 * How long what is said waits, and how often it is said again. Without imports, so that a bundler puts
 * them in place.
 */

/** For a message to come back to its sender; after that it is sent again, under the same id. */
export const ECHO_MS = 10_000;
/** The server knows an id for 10 min, and takes the message as a new one after that. */
export const LONGEST_DOUBT_MS = 9 * 60_000;
/** Before the next try, where the server said "not now". */
export const NOT_NOW_MS = 2_000;

/** A short look at another tab is no absence. */
export const AWAY_MS = 60_000;
/** A person may change their state twice a second. */
export const STATE_AGAIN_MS = 500;
/** After so long a refusal is of something else. */
export const ANSWER_MS = 10_000;

/** For typing, where the server does not say until when. */
export const TYPING_MS = 6_000;
export const LONGEST_TYPING_MS = 15_000;
/** While somebody goes on writing, how often to say so. */
export const TYPING_AGAIN_MS = 3_000;
