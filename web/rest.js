/** The REST API of a session. */

import { checkToken } from "./options.js";

/** @typedef {Pick<import("./hadir.js").HadirOptions, "apiUrl"|"sessionId"|"getToken">} Options */

/**
 * @param {Options} options
 * @param {string} what  of the session
 * @param {string} [method]
 * @returns {Promise<Response>}
 * @throws {Error} there is no `apiUrl`, or no token
 */
export async function ask({ apiUrl, sessionId, getToken }, what, method) {
  if (!apiUrl) throw new Error("apiUrl is needed");
  const headers = getToken && { Authorization: `Bearer ${checkToken(await getToken())}` };
  const session = `${apiUrl.replace(/\/+$/, "")}/api/session/${encodeURIComponent(sessionId)}`;
  return fetch(`${session}/${what}`, { method, headers });
}

/**
 * Whether the server refuses these options. Browsers do not say why a socket is refused; the REST
 * API, behind the same door, does.
 * @param {Options} options
 * @returns {Promise<boolean>} false also where it cannot be told
 */
export const isRefused = (options) =>
  ask(options, "connection-status").then(
    ({ status }) => status === 401 || status === 403,
    () => false,
  );

const PAGE = 50;
const MOST_EVENTS = 200;
/** The highest that the API takes: from the end. */
export const LAST_VERSION = 9_007_199_254_740_992;

/**
 * What an answer of the REST API says.
 * @param {Response} answer
 * @param {string} [what]  does not work, where it refuses
 * @returns {Promise<any>}
 * @throws {Error} it refuses
 */
export async function answered(answer, what = "no answer") {
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  throw new Error(`${what}: ${body.error?.message ?? body.message ?? answer.status}`);
}

/**
 * What happened in a session before an event, oldest first: joins, leaves, messages.
 * @param {Options} options
 * @param {{before: number, limit?: number}} where  `before`: a version; `limit`: at most 200
 * @returns {Promise<(import("./state.js").Update|import("./state.js").Message)[]>}  without a status
 * @throws {Error} there is no `apiUrl`, or the API refuses
 */
export async function eventsBefore(options, { before, limit = PAGE }) {
  const query = new URLSearchParams({ before: `${before}`, limit: `${Math.min(limit, MOST_EVENTS)}` });
  return (await answered(await ask(options, `events?${query}`), "no history")).events;
}
