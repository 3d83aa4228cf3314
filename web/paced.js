/** What a console asks about single sessions, no faster than the server takes it. */

import { timer } from "./environment.js";

/** A socket may send 50 messages at once and 10 a second. The others are for what else there is to say. */
const AT_ONCE = 30;
const EACH_MS = 125;

/**
 * @param {import("./environment.js").Environment} environment
 * @param {(id: string) => void} say  what there is to say of a session by then
 */
export function paced(environment, say) {
  const now = () => environment.performance.now();
  const next = timer(environment);
  /** @type {Set<string>} */
  const waiting = new Set();
  /** When all that was said would have been, one by one. Also over other sockets: a person has a limit, too. */
  let doneAt = -Infinity;

  const proceed = () => {
    for (const id of waiting) {
      const at = Math.max(doneAt, now());
      const tooEarly = at - now() - (AT_ONCE - 1) * EACH_MS;
      if (tooEarly > 0) return next(tooEarly, proceed);
      doneAt = at + EACH_MS;
      waiting.delete(id);
      say(id);
    }
  };

  return {
    /** @param {string} id */
    ask(id) {
      waiting.add(id);
      proceed();
    },

    /** There is no socket to say it on. */
    clear() {
      waiting.clear();
      next();
    },
  };
}
