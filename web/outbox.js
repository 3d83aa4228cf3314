/** What a person says, one message after the other, so that their order is the one they were said in. */

import { timer } from "./environment.js";
import { ECHO_MS, LONGEST_DOUBT_MS, NOT_NOW_MS } from "./speaking-times.js";

/** What the server says where it would take the same later. */
export const NOT_NOW = ["rate_limited", "unavailable"];

/**
 * A message that was said here.
 * @typedef {Object} Delivery
 * @property {string} clientId
 * @property {string} text
 * @property {"waiting"|"sending"|"sent"|"failed"} state  `waiting`: for a socket, or for the one
 *   before it; `sent`: everybody in the session is told
 * @property {?string} error  why it failed, or why it waits
 * @property {?number} version  its place in the session, once it is sent
 * @property {number} [triedAt]  when it was first `sending`, milliseconds since the Unix epoch
 */

/**
 * The messages that were said here and are not yet known to have been told.
 * @param {import("./environment.js").Environment} environment
 * @param {(message: Object) => boolean} send  whether it could be handed to an open socket
 * @param {(delivery: Delivery) => void} on  told of each change
 */
export function outbox(environment, send, on) {
  // A clock that goes on while a laptop sleeps: the server's does, too.
  const now = () => environment.Date.now();
  const again = timer(environment);
  /** @type {Delivery[]} */
  let queue = [];
  let isUnderWay = false;

  /** @param {Partial<Delivery>} how */
  const change = (how) => {
    const delivery = { ...queue[0], ...how };
    queue = [delivery, ...queue.slice(1)];
    on(delivery);
  };

  /** @param {Partial<Delivery>} how */
  const done = (how) => {
    const delivery = { ...queue[0], ...how };
    queue = queue.slice(1);
    on(delivery);
    proceed();
  };

  /** Say the first of them. One that was under way may or may not have arrived. */
  const proceed = () => {
    again();
    isUnderWay = false;
    if (!queue.length) return;
    const { text, clientId: client_id, triedAt = now() } = queue[0];
    if (now() - triedAt > LONGEST_DOUBT_MS) {
      return done({ state: "failed", error: "it is not known whether this was said" });
    }
    if (!send({ action: "message", text, client_id })) return;
    isUnderWay = true;
    again(ECHO_MS, proceed);
    change({ state: "sending", triedAt });
  };

  return {
    /** @returns {readonly Delivery[]} */
    queue: () => queue,

    /**
     * @param {string} text
     * @param {string} clientId  perhaps of a message that an earlier page has said
     * @param {number} [triedAt]  when it was sent there for the first time
     */
    add(text, clientId, triedAt) {
      /** @type {Delivery} */
      const delivery = { clientId, text, state: "waiting", error: null, version: null, triedAt };
      queue = [...queue, delivery];
      on(delivery);
      if (!isUnderWay) proceed();
    },

    /** There is an open socket. */
    opened: proceed,

    lost() {
      again();
      if (isUnderWay) change({ state: "waiting" });
      isUnderWay = false;
    },

    /** @param {{client_id?: string, version?: number}} told  one's own message, or anything else */
    echoed({ client_id, version }) {
      if (client_id && client_id === queue[0]?.clientId) done({ state: "sent", error: null, version });
    },

    /** @param {{code: string, message: string, client_id?: string}} error */
    refused({ code, message, client_id }) {
      if (!client_id || client_id !== queue[0]?.clientId) return;
      if (!NOT_NOW.includes(code)) return done({ state: "failed", error: message });
      change({ error: message });
      again(NOT_NOW_MS * (1 + environment.Math.random()), proceed);
    },
  };
}

/** An id that no other message of this person has. */
export function newId() {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}
