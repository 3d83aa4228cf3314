/** What a client is told at its start, checked before anything is opened. Pure. */

import { LONGEST_HEARTBEAT_MS, SHORTEST_MS } from "./times.js";

const LONGEST_TOKEN = 4096;
const JSON_WEB_TOKEN = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/**
 * Whether it may be the id of a session or a person. The server also refuses U+FFFD, and more than
 * 256 bytes in UTF-8.
 * @param {any} id
 */
export const isId = (id) => /^[^\p{C}\p{Z}{}]{1,128}$/u.test(id) && `${id}`.normalize() == id;

/** @type {[(id: any) => boolean, string]} */
const ID = [isId, "1 to 128 printable characters in NFC without blanks, { and }"];
/** What the server takes, by option. @type {Record<string, [(value: any) => boolean, string]>} */
const WANTED = {
  url: [(url) => /^((ws|http)s?:|\/)/.test(url) && !!parse(url), "an address like wss://…/live"],
  sessionId: ID,
  userId: ID,
  userType: [(type) => /^(customer|agent|admin)$/.test(type), "customer, agent or admin"],
  heartbeatMs: [(ms = SHORTEST_MS) => ms >= SHORTEST_MS && ms <= LONGEST_HEARTBEAT_MS, "from 5,000 to 300,000"],
  lifetimeMs: [(ms = SHORTEST_MS) => ms >= SHORTEST_MS, "at least 5,000"],
};

/**
 * @param {string} url  absolute, or on the page's own server
 * @returns {URL|undefined}
 */
function parse(url) {
  try {
    return new URL(url, globalThis.location?.href);
  } catch {}
}

/**
 * The address of a person's socket: the API's, in its WebSocket form, with what names the person in
 * its query. A trailing slash goes, a query stays, `https:` becomes `wss:`.
 * @param {{url: string, sessionId: string, userId: string, userType: string, heartbeatMs?: number,
 *   lifetimeMs?: number}} who
 * @returns {string}
 * @throws {TypeError} something is missing, or is not what the server takes
 */
export function socketAddress(who) {
  for (const name in WANTED) {
    const value = who[/** @type {keyof typeof who} */ (name)];
    const [isWanted, wanted] = WANTED[name];
    if (!isWanted(value)) throw new TypeError(`${name} must be ${wanted}, not ${value}`);
  }
  const address = /** @type {URL} */ (parse(who.url));
  address.protocol = address.protocol.replace("http", "ws");
  address.pathname = address.pathname.replace(/\/+$/, "");
  address.hash = "";
  address.searchParams.set("session_id", who.sessionId);
  address.searchParams.set("user_id", who.userId);
  address.searchParams.set("user_type", who.userType);
  return address.href;
}

/** A token callback gave something that is no token. */
export class TokenError extends Error {
  /**
   * @param {string} message
   * @param {boolean} isFinal  asking again cannot help
   */
  constructor(message, isFinal) {
    super(`getToken gave ${message}`);
    this.isFinal = isFinal;
  }
}

/**
 * The token that a callback gave, without blanks around it.
 * @param {unknown} given
 * @returns {string}
 * @throws {TokenError} it is none; final where the callback says "no more" (null) or gives an
 *   object or an empty text, which no second try changes
 */
export function checkToken(given) {
  if (typeof given !== "string") {
    const isFinal = given !== undefined; // such as the missing field of an error's body
    throw new TokenError(given === null ? "null: there is no token any more" : typeof given, isFinal);
  }
  const token = given.trim();
  if (JSON_WEB_TOKEN.test(token) && token.length <= LONGEST_TOKEN) return token;
  throw new TokenError(token[0] === "<" ? "an HTML page" : "no JSON Web Token", !token);
}

/**
 * When a token expires, as its `exp` says.
 * @param {string} token  a JSON Web Token
 * @returns {?number} milliseconds since the Unix epoch, null where it does not say
 */
export function expiryOf(token) {
  try {
    const { exp } = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    return exp * 1000 || null;
  } catch {
    return null;
  }
}
