/** What is said in a session: one's own messages and state, and who is writing. */

import { outbox } from "./outbox.js";
import { typists } from "./typists.js";

/**
 * @typedef {[environment: import("./environment.js").Environment, send: (message: Object) => boolean,
 *   emit: import("./session.js").Emit, options: import("./hadir.js").HadirOptions]} Given  of a session
 */

/**
 * @param {import("./environment.js").Environment} environment
 * @param {(message: Object) => boolean} send  whether it could be handed to an open socket
 * @param {import("./session.js").Emit} emit
 * @param {{userId: string, userType: string, away?: boolean}} options
 * @param {typeof import("./state-of-mine.js").stateOfPage
 *   | typeof import("./state-of-mine.js").stateOfMine} stateOf
 */
export function speaking(environment, send, emit, options, stateOf) {
  const own = outbox(environment, send, (delivery) => emit("delivery", delivery));
  const others = typists(environment, send, options, (data) => emit("typing", data));
  /** @type {ReturnType<typeof stateOf> & {told?: (data: any) => void}} */
  const mine = stateOf(environment, send, options);
  return {
    own,
    others,
    mine,
    typing: others.told,
    ended: others.ended,
    opened() {
      own.opened();
      mine.opened();
    },
    /** @param {any} data */
    echoed(data) {
      own.echoed(data);
      mine.told?.(data);
    },
    /** @param {import("./hadir.js").HadirError} error */
    refused(error) {
      own.refused(error);
      mine.refused(error);
    },
    lost() {
      own.lost();
      others.clear();
      mine.lost();
    },
  };
}
