/** What is said in a session: one's own messages, and who is writing. */

import { outbox } from "./outbox.js";
import { typists } from "./typists.js";

/**
 * @param {import("./environment.js").Environment} environment
 * @param {(message: Object) => boolean} send  whether it could be handed to an open socket
 * @param {import("./session.js").Emit} emit
 * @param {{userId: string, userType: string}} options
 */
export function speaking(environment, send, emit, options) {
  const own = outbox(environment, send, (delivery) => emit("delivery", delivery));
  const others = typists(environment, send, options, (data) => emit("typing", data));
  return {
    own,
    others,
    opened: own.opened,
    echoed: own.echoed,
    refused: own.refused,
    typing: others.told,
    ended: others.ended,
    lost() {
      own.lost();
      others.clear();
    },
  };
}
