/** The REST API of a session. */

import { checkToken } from "./options.js";

/** @typedef {Pick<import("./hadir.js").HadirOptions, "apiUrl"|"sessionId"|"getToken">} Options */

/**
 * @param {Options} options
 * @param {string} what  of the session
 * @returns {Promise<Response>}
 * @throws {Error} there is no `apiUrl`, or no token
 */
export async function ask({ apiUrl, sessionId, getToken }, what) {
  if (!apiUrl) throw new Error("apiUrl is needed");
  const headers = getToken && { Authorization: `Bearer ${checkToken(await getToken())}` };
  const session = `${apiUrl.replace(/\/+$/, "")}/api/session/${encodeURIComponent(sessionId)}`;
  return fetch(`${session}/${what}`, { headers });
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
