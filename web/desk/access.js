/**
 * Who looks at the desk, and where the server is.
 *
 * The team's login hands a token over in the fragment, `desk/#token=…`, which browsers send to nobody. It is
 * kept for this tab, and taken out of the address. Where there is none and the server lets everybody in, as
 * `make run` does, the desk makes somebody up.
 */

const KEPT = "hadir-desk";
const USUAL = { id: "Dewi", type: /** @type {const} */ ("admin") };

/**
 * @typedef {Object} Access
 * @property {string} url  of the sockets
 * @property {string} apiUrl
 * @property {{id: string, type: "agent"|"admin"}} me
 * @property {?string} token
 */

/** @returns {Access} */
export function access() {
  const query = new URLSearchParams(location.search);
  const fragment = new URLSearchParams(location.hash.slice(1));
  const url = socketUrl(query);
  const given = fragment.get("token");
  if (given) {
    keep(url, given);
    history.replaceState(history.state, "", `${location.pathname}${location.search}`);
  }
  const token = given ?? kept(url);
  const { user, type } = claimsOf(token);
  /** @type {Access["me"]} */
  const me = user && (type === "agent" || type === "admin") ? { id: user, type } : { ...USUAL };
  if (!token) me.id = query.get("as") ?? me.id;
  return { url, apiUrl: location.origin, me, token };
}

/**
 * Where the desk is hosted, sockets have its address (docs/operate.md), whatever a link says: it may be
 * anybody's. On this machine it is the local gateway's, which has the port before that of its pages.
 * @param {URLSearchParams} query
 */
function socketUrl(query) {
  if (location.protocol === "https:") return "/ws";
  return query.get("ws") ?? `ws://${location.hostname}:${Number(location.port) - 1}/local`;
}

/** What a token says, unchecked: the server checks it. @param {?string} token @returns {any} */
function claimsOf(token) {
  try {
    const claims = atob(`${token}`.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(claims, (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {};
  }
}

/** With the server it is for: no link to another one shall get it. @param {string} url @param {string} token */
function keep(url, token) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ url, token }));
  } catch {} // the browser keeps nothing for this page
}

/** @param {string} url @returns {?string} */
function kept(url) {
  try {
    const { url: known, token } = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
    return known === url ? token : null;
  } catch {
    return null;
  }
}
