/** The sessions that a console watches one by one, over whichever socket is open. */

import { paced } from "./paced.js";
import { askForSingle, initialSingle, refuseSingle, takeBeatForSingle, takeForSingle } from "./single-state.js";

/** @typedef {import("./single-state.js").Single} Single */

/**
 * @param {import("./environment.js").Environment} environment
 * @param {(message: Object) => boolean} send
 * @param {() => void} changed  something is known, or asked for, that was not
 */
export function singles(environment, send, changed) {
  const now = () => environment.performance.now();
  /** @type {Map<string, Single>} */
  const known = new Map();
  let isOpen = false;
  let last = 0;

  /** It is a session's turn: what is missing of it by now is asked for. */
  const pace = paced(environment, (id) => {
    const single = known.get(id);
    if (!single) return send({ action: "unwatch", session_id: id });
    const { single: asked, ask } = askForSingle(single, now());
    known.set(id, asked);
    for (const message of ask) send(message);
  });

  /** @param {import("./single-state.js").TakenBySingle} taken */
  const go = ({ single, ask }) => {
    if (known.get(single.id) !== single) changed();
    known.set(single.id, single);
    if (ask.length && isOpen) pace.ask(single.id);
  };

  return {
    /** @param {string} id */
    get: (id) => known.get(id),

    all: () => [...known.values()],

    /** Watch it, or ask again where that was refused. @param {string} id */
    watch(id) {
      const single = known.get(id);
      if (!single || single.isForbidden) go(askForSingle(single ?? initialSingle(id, `watch-${(last += 1)}`), now()));
    },

    /** @param {string} id */
    unwatch(id) {
      if (!known.delete(id)) return;
      if (isOpen) pace.ask(id);
      changed();
    },

    /** There is a new socket. */
    opened() {
      isOpen = true;
      for (const single of [...known.values()]) go(askForSingle(single, now()));
    },

    lost() {
      isOpen = false;
      pace.clear();
    },

    /** @param {Single} single @param {any} data  of its update, message, assignment or `events` */
    told: (single, data) => go(takeForSingle(single, data, now())),

    /** @param {{session_id: string, epoch: string, version: number}[]} watching  of a `heartbeat_ack` */
    beat(watching) {
      for (const single of [...known.values()]) go(takeBeatForSingle(single, watching, now()));
    },

    /**
     * @param {{code: string, client_id?: string}} error  of the server
     * @returns {string|undefined} the session that it refuses to let watch
     */
    refused({ code, client_id }) {
      const single = [...known.values()].find(({ name }) => name === client_id);
      if (single && code === "forbidden") known.set(single.id, refuseSingle(single));
      return single?.id;
    },
  };
}
