/** How long the client waits, and how often it tries. Without imports, so that a bundler puts them in place. */

/** For the token and the handshake together: a cold start in Lambda takes 2 s. */
export const OPENING_MS = 10_000;
/** For the answer to a heartbeat: a cold start must not be taken for a dead socket. */
export const ANSWER_MS = 10_000;
/** Likewise, where there is reason to believe that the socket is dead: the network was away. */
export const DOUBTED_ANSWER_MS = 5_000;
/** A timer that runs out so much too late was stopped meanwhile, and the answer with it. */
export const STOPPED_MS = 2_000;

/** Before a token expires, to show another one; at the soonest after it was shown; and again. */
export const RENEW_MS = 60_000;
export const SOONEST_RENEWAL_MS = 5_000;
export const RENEW_AGAIN_MS = 10_000;

export const SHORTEST_RETRY_MS = 500;
export const LONGEST_RETRY_MS = 20_000;
/** A socket that lived so long worked: the next try starts from the shortest wait again. */
export const LIVED_MS = 10_000;
/** An attempt that has taken longer is given up for a new one when somebody looks at the page. */
export const PATIENCE_MS = 2_000;
/** Tries in a row that did not open a socket, from which on the application is told. */
export const MANY_FAILURES = 3;
/** Tokens in a row that were none, after which no more are asked for: a minute or so. */
export const MOST_BAD_TOKENS = 10;

export const HEARTBEAT_MS = 30_000;
export const LONGEST_HEARTBEAT_MS = 300_000;
/** How long API Gateway lets a socket live ("Amazon API Gateway quotas"). */
export const LIFETIME_MS = 7_200_000;
/** Of a heartbeat, and of a socket's life. */
export const SHORTEST_MS = 5_000;
/** For the answer to `sync`, or its next frame. */
export const SYNC_MS = 10_000;
/** How much older than its timestamp, in whole seconds, an event may seem. */
export const CLOCK_MS = 1_000;

/** Close codes (docs/protocol.md). */
export const CLOSED = 1000;
export const PAGE_LEFT = 4001;
export const NO_ANSWER = 4408;
