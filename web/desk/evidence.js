/** Why somebody is there, as the server can prove it. Pure. */

import { clockWords, durationWords, timeWords } from "./words.js";

/**
 * What is known of a person's sockets, in a sentence each.
 * @param {any} person  of `explain` (docs/protocol.md, "Why somebody is there")
 * @param {number} now  by the server's clock
 * @returns {string[]}
 */
export function evidenceOf({ sockets, in_grace_until }, now) {
  if (!sockets.length && in_grace_until) return [`no socket; may be back until ${timeWords(in_grace_until, now)}`];
  return sockets.map((/** @type {any} */ socket) => {
    const { api_gateway, last_heard, token_expires_at, owed_status_since } = socket;
    const parts = [STATES[api_gateway?.state ?? ""] ?? "socket not asked about"];
    parts.push(last_heard ? `heard ${ago(last_heard, now)} ago` : "never heard");
    if (owed_status_since) parts.push("does not take what it is sent");
    if (token_expires_at) parts.push(`token until ${clockWords(token_expires_at, now)}`);
    return parts.join(", ");
  });
}

/** @type {Record<string, string>} */
const STATES = { open: "socket open", gone: "socket gone", failed: "API Gateway did not say" };

/** @param {string} moment @param {number} now */
const ago = (moment, now) => durationWords((now - Date.parse(moment)) / 1000);

/**
 * Why somebody has left, where that is known only from `explain`.
 * @param {any} facts  its answer
 * @param {{id: string, type: string}} who
 * @returns {?any}  as an update has it
 */
export function departureOf(facts, { id, type }) {
  const found = facts?.left.find((/** @type {any} */ each) => each.user_id === id && each.user_type === type);
  if (!found) return null;
  const { left_at: timestamp, reason, evidence, close_code } = found;
  return { event_type: "user_disconnected", event_user_id: id, event_user_type: type, timestamp, reason, evidence, close_code };
}

/** Whether somebody is there after all. @param {any} facts @param {{id: string, type: string}} who */
export const isThere = (facts, { id, type }) =>
  facts.people.some((/** @type {any} */ each) => each.user_id === id && each.user_type === type);
