/** What a console knows of a session that it watches by itself, and how a frame changes it. Pure. */

import { applyToSession, isOld } from "./feed-state.js";

/**
 * @typedef {Object} Single
 * @property {string} id
 * @property {string} name  of what is asked, which a refusal repeats
 * @property {?{epoch: string, version: number}} place  up to where everything is known; null: nothing is
 * @property {?import("./feed-state.js").Known} session
 * @property {boolean} isProved  nothing is missing, as far as anybody can know
 * @property {boolean} isForbidden  it was refused, on this socket
 * @property {number} askedAt
 *
 * @typedef {{single: Single, ask: Object[]}} TakenBySingle  `ask`: what to send to the server now
 */

/** @param {string} id @param {string} name @returns {Single} */
export const initialSingle = (id, name) => ({ id, name, place: null, session: null, isProved: false, isForbidden: false, askedAt: 0 });

/**
 * Watch it, on a new socket too; and ask for what was missed.
 * @param {Single} single
 * @param {number} now
 * @returns {TakenBySingle}
 */
export function askForSingle(single, now) {
  const { id, name, place } = single;
  const ask = { action: "watch", session_id: id, client_id: name, ...(place && { since: place }) };
  return { single: { ...single, isProved: false, isForbidden: false, askedAt: now }, ask: [ask] };
}

/** The token is not for it: what is asked again on this socket is refused again. @param {Single} single */
export const refuseSingle = (single) => ({ ...single, isForbidden: true });

/**
 * @param {Single} single
 * @param {any} data  of an update, a message, an assignment or an `events` of that session
 * @param {number} now
 * @returns {TakenBySingle}
 */
export function takeForSingle(single, data, now) {
  const { epoch, version, status_version, events = [], event_type, connection_status, recovered } = data;
  const session = applyToSession(single.session ?? undefined, data);
  let { place, isProved } = single;
  const isSnapshot = connection_status && !event_type && !version;
  if (isSnapshot && (!place || recovered !== undefined)) {
    const known = place && epoch === place.epoch ? place.version : 0;
    if (!place || epoch >= place.epoch) place = { epoch, version: Math.max(status_version, known) };
    isProved = true;
  }
  let isMissing = !!place && epoch > place.epoch;
  const versions = [...events.map((/** @type {any} */ event) => event.version), version ?? status_version ?? 0];
  for (const each of versions) {
    if (!place || epoch !== place.epoch) continue;
    if (each > place.version + 1) isMissing = true;
    else if (each > place.version) place = { epoch, version: each };
  }
  const next = { ...single, session, place, isProved };
  if (!isMissing || (!isProved && !isOld(single.askedAt, now))) return { single: next, ask: [] };
  return askForSingle(next, now);
}

/**
 * @param {Single} single
 * @param {{session_id: string, epoch: string, version: number}[]} watching  of a `heartbeat_ack`
 * @param {number} now
 * @returns {TakenBySingle}
 */
export function takeBeatForSingle(single, watching, now) {
  const { id, place, isProved, isForbidden, askedAt } = single;
  const told = watching.find(({ session_id }) => session_id === id);
  const isKnown =
    told && place && (told.epoch === place.epoch ? told.version <= place.version : told.epoch < place.epoch);
  if (isForbidden || (isKnown && isProved) || !isOld(askedAt, now)) return { single, ask: [] };
  return askForSingle(single, now);
}
