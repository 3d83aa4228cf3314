/** Which session this tab shows, and who it is there: one person a tab. */

import { isId } from "../options.js";

const USUAL_IDS = { admin: "admin_456", customer: "customer_123" };
const PATIENCE_MS = 3_000;

const parameters = new URLSearchParams(location.search);
const given = parameters.get("session");
/** After the `#`, which browsers send to nobody. */
const tokens = new URLSearchParams(location.hash.slice(1));

export const sessionId = isId(given) ? given : newSession();
export const url = parameters.get("ws") || nearby();

/** Keep the session in the address, so that another tab can be opened on it. */
function newSession() {
  const id = `demo-${letters(6)}`;
  parameters.set("session", id);
  history.replaceState(history.state, "", `?${parameters}${location.hash}`);
  return id;
}

/**
 * Where the page is hosted, sockets have its address, under `/ws/…` (docs/operate.md); else the local
 * gateway's.
 */
function nearby() {
  if (location.protocol === "https:") return `wss://${location.host}/ws/${encodeURIComponent(sessionId)}`;
  return `ws://${location.hostname}:8081/local`;
}

/**
 * The address of a page of this session.
 * @param {string} page
 * @param {string} type  as whom
 */
export function addressOf(page, type) {
  const query = new URLSearchParams(parameters);
  query.set("as", type);
  return `${page}?${query}${location.hash}`;
}

/**
 * Who this tab is: as its address says; else as before, so that a reload keeps the person; else the
 * one who is missing.
 * @returns {Promise<{id: string, type: "admin"|"customer", token: ?string}>}
 */
export async function whoAmI() {
  const asked = parameters.get("as");
  const known = recall();
  if (known && (!(asked in USUAL_IDS) || asked === known.type)) return withToken(known);
  const status = await lookIn();
  const type = asked in USUAL_IDS ? asked : missing(status);
  const who = { type, id: USUAL_IDS[type] };
  if (isIn(status, who) && remember(who)) who.id = `${type}_${letters(4)}`;
  remember(who);
  return withToken(who);
}

/**
 * @param {?import("../state.js").ConnectionStatus} status
 * @param {{type: string, id: string}} who
 */
function isIn(status, { type, id }) {
  const users = Object.entries(status?.users ?? {});
  return users.some(([key, { user_type, user_id = key }]) => user_type === type && user_id === id);
}

/** @param {?{agent_connected: boolean}} status */
function missing(status) {
  if (tokens.has("admin_token") !== tokens.has("customer_token")) {
    return tokens.has("admin_token") ? "admin" : "customer";
  }
  return status?.agent_connected ? "customer" : "admin";
}

function withToken({ id, type }) {
  const token = tokens.get(`${type}_token`);
  return { id: (token && userIn(token)) || id, type, token };
}

/** Whom a token names. @param {string} token */
function userIn(token) {
  try {
    const claims = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(claims, (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)).user;
  } catch {
    return null;
  }
}

/** Who is in the session, from outside; null where nobody says. */
async function lookIn() {
  const token = tokens.get("admin_token") ?? tokens.get("customer_token");
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const signal = AbortSignal.timeout(PATIENCE_MS);
  return fetch(`/api/session/${encodeURIComponent(sessionId)}/connection-status`, { headers, signal })
    .then((answer) => (answer.ok ? answer.json() : null))
    .catch(() => null);
}

/** A browser may keep nothing for this page. @returns {boolean} whether it does */
function remember(who) {
  try {
    sessionStorage.setItem(sessionId, JSON.stringify(who));
    return true;
  } catch {
    return false;
  }
}

function recall() {
  try {
    const who = JSON.parse(sessionStorage.getItem(sessionId));
    return who?.type in USUAL_IDS && isId(who.id) ? who : null;
  } catch {
    return null;
  }
}

/** @param {number} count */
function letters(count) {
  const alphabet = "abcdefghijkmnpqrstuvwxyz";
  return Array.from(crypto.getRandomValues(new Uint8Array(count)), (byte) => alphabet[byte % alphabet.length]).join("");
}
