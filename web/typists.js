/** Who is writing just now. It ends by itself: whoever wrote may be gone without a word. */

import { timer } from "./environment.js";
import { LONGEST_TYPING_MS, TYPING_AGAIN_MS, TYPING_MS } from "./speaking-times.js";

/**
 * @typedef {Object} Typing
 * @property {string} session_id
 * @property {string} [user_id]  absent where a customer may not know who writes (`CustomersSee`)
 * @property {import("./state.js").UserType} user_type
 * @property {boolean} on
 * @property {string} [until]  RFC 3339
 */

/**
 * The others who write, and what they are told of one's own writing.
 * @param {import("./environment.js").Environment} environment
 * @param {(message: Object) => boolean} send
 * @param {{userId: string, userType: string}} oneself  who may write in another tab, too
 * @param {(data: Typing) => void} on  told when somebody else begins, and when they end
 */
export function typists(environment, send, { userId, userType }, on) {
  /** Who writes, and the timer that ends it. @type {Map<string, [Typing, ReturnType<typeof timer>]>} */
  const writing = new Map();
  let saidAt = -Infinity;

  /**
   * They have said what they wrote, have stopped, or are gone.
   * @param {string|undefined} type
   * @param {string|undefined} id
   */
  const ended = (type, id) => {
    const key = `${type}:${id}`;
    const [data, end] = writing.get(key) ?? [];
    if (!data) return;
    end?.();
    writing.delete(key);
    on({ ...data, on: false });
  };

  return {
    ended,

    /**
     * @param {Typing} data  as the server tells it
     * @param {number} serverNow  milliseconds since the Unix epoch
     */
    told(data, serverNow) {
      const { user_type: type, user_id: id, until } = data;
      if (id === userId && type === userType) return;
      if (!data.on) return ended(type, id);
      const key = `${type}:${id}`;
      const known = writing.get(key);
      const end = known?.[1] ?? timer(environment);
      const left = until ? Date.parse(until) - serverNow : TYPING_MS;
      end(Math.min(left, LONGEST_TYPING_MS), () => ended(type, id));
      writing.set(key, [data, end]);
      if (!known) on(data);
    },

    /** Nobody can be heard any more. */
    clear() {
      for (const [{ user_type, user_id }] of [...writing.values()]) ended(user_type, user_id);
    },

    /** Oneself writes, or has stopped; not each key is told. @param {boolean} isOn */
    say(isOn) {
      const ago = environment.performance.now() - saidAt;
      if (isOn ? ago < TYPING_AGAIN_MS : ago >= TYPING_MS) return;
      if (send({ action: "typing", on: isOn })) saidAt = isOn ? environment.performance.now() : -Infinity;
    },

    /** One's own message ends it for everybody. */
    said() {
      saidAt = -Infinity;
    },
  };
}
