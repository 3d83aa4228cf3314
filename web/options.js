/** What a client is told at its start, checked before anything is opened. Pure. */

const LONGEST_TOKEN = 4096;
const JSON_WEB_TOKEN = /^[\w-]+\.[\w-]+\.[\w-]*$/;
/** @type {[RegExp, string]} */
const ID = [/^[\w.:@-]{1,128}$/, "1 to 128 characters of A-Z a-z 0-9 _ . : @ -"];
/** What the server takes. @type {Record<string, [RegExp, string]>} */
const WANTED = {
  url: [/^((ws|http)s?:|\/)/, "an address such as wss://…/live"],
  session_id: ID,
  user_id: ID,
  user_type: [/^(customer|agent|admin)$/, "customer, agent or admin"],
};

/**
 * The address of a person's socket: the API's, in its WebSocket form, with what names the person in
 * its query. A trailing slash goes, a query stays, `https:` becomes `wss:`.
 * @param {{url: string, sessionId: string, userId: string, userType: string}} who
 * @returns {string}
 * @throws {TypeError} something is missing, or is not what the server takes
 */
export function socketAddress({ url, sessionId, userId, userType }) {
  const query = { session_id: sessionId, user_id: userId, user_type: userType };
  for (const [name, value] of Object.entries({ url, ...query })) {
    if (!value) throw new TypeError(`HadirClient needs ${name}`);
    const [pattern, wanted] = WANTED[name];
    if (!pattern.test(value)) throw new TypeError(`${name} must be ${wanted}, not ${value}`);
  }
  let address;
  try {
    address = new URL(url, globalThis.location?.href);
  } catch {
    throw new TypeError(`url must be ${WANTED.url[1]}, not ${url}`);
  }
  address.protocol = address.protocol.replace("http", "ws");
  address.pathname = address.pathname.replace(/\/+$/, "");
  address.hash = "";
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
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
  throw new TokenError(token[0] === "<" ? "an HTML page" : "what is no JSON Web Token", !token);
}

/**
 * When a token expires, as its `exp` says.
 * @param {string} token  a JSON Web Token
 * @returns {?number} milliseconds since the Unix epoch, null where it does not say
 */
export function expiryOf(token) {
  try {
    const { exp } = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    return Number.isFinite(exp) ? exp * 1000 : null;
  } catch {
    return null;
  }
}
