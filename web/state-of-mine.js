/** What everyone is shown of oneself: what the page says, and whether somebody looks at it. */

import { timer } from "./environment.js";
import { NOT_NOW } from "./outbox.js";
import { ANSWER_MS, AWAY_MS, NOT_NOW_MS, STATE_AGAIN_MS } from "./speaking-times.js";

const LARGEST_BYTES = 1_024;
const MOST_FIELDS = 32;
const LONGEST_KEY = 64;

/** @typedef {import("./state.js").PersonState} PersonState */

/**
 * What the page says, and that it is away, where nobody looks at it.
 * @param {import("./environment.js").Environment} environment
 * @param {(message: Object) => boolean} send
 * @param {{away?: boolean}} options  whether to say that
 * @param {() => PersonState} [shown]  what to go on with, as long as the page says nothing
 */
export function stateOfPage(environment, send, { away = true }, shown = () => ({})) {
  const { document } = environment;
  const now = () => environment.performance.now();
  const [hiding, saying] = [timer(environment), timer(environment)];
  /** What the page says; null: nothing. @type {?PersonState} */
  let own = null;
  let isAway = false;
  let saidAt = -Infinity;

  const isHidden = () => document?.visibilityState === "hidden";

  const say = () => {
    saying();
    const wait = saidAt + STATE_AGAIN_MS - now();
    if (wait > 0) return saying(wait, say);
    const state = { ...(own ?? shown()), ...(isAway && { away: true }) };
    if (send({ action: "set_state", state })) saidAt = now();
  };

  /** @param {boolean} isNow */
  const turn = (isNow) => {
    isAway = isNow;
    say();
  };

  const look = () => {
    hiding();
    if (isHidden() && !isAway) hiding(AWAY_MS, () => turn(true));
    if (!isHidden() && isAway) turn(false);
  };

  return {
    /** @param {PersonState} state  that the server takes */
    set(state) {
      own = { ...state };
      say();
    },

    /** There is a new socket, which has not said anything. */
    opened() {
      document?.removeEventListener("visibilitychange", look);
      isAway &&= isHidden();
      if (away) {
        document?.addEventListener("visibilitychange", look);
        look();
      }
      if (own || isAway) say();
    },

    lost() {
      hiding();
      saying();
      document?.removeEventListener("visibilitychange", look);
    },

    /** @param {{code: string, client_id?: string}} error */
    refused({ code, client_id }) {
      if (client_id || !NOT_NOW.includes(code) || now() - saidAt > ANSWER_MS) return;
      saying(NOT_NOW_MS * (1 + environment.Math.random()), say);
    },
  };
}

/**
 * The same, for a page that may say nothing while another tab of the same person says something.
 * @param {import("./environment.js").Environment} environment
 * @param {(message: Object) => boolean} send
 * @param {{userId: string, userType: string, away?: boolean}} options
 */
export function stateOfMine(environment, send, options) {
  /** Who is here, as last told. @type {?import("./state.js").ConnectionStatus} */
  let status = null;

  /** What another tab has said, which this one is not to take away. */
  const shown = () => {
    const mine = Object.entries(status?.users ?? {}).find(
      ([key, { user_id = key, user_type }]) => user_id === options.userId && user_type === options.userType,
    );
    const { away: _, ...state } = mine?.[1].state ?? {};
    return state;
  };

  return {
    ...stateOfPage(environment, send, options, shown),

    /** @param {{connection_status?: import("./state.js").ConnectionStatus}} data  that everyone is told */
    told({ connection_status }) {
      if (connection_status) status = connection_status;
    },
  };
}

/**
 * Refuse what the server would (docs/protocol.md, "set_state").
 * @param {PersonState} state
 * @param {boolean} [away]  whether `away: true` may be added to it
 * @throws {TypeError} it is not what the server takes
 * @throws {RangeError} it is too large, perhaps only once `away: true` is added
 */
export function checkState(state, away = true) {
  check(state);
  if (away) check({ ...state, away });
}

/** @param {PersonState} state */
function check(state) {
  const isObject = !!state && typeof state === "object" && !Array.isArray(state);
  const entries = isObject ? Object.entries(state) : [];
  if (!isObject || !entries.every(([, value]) => value === null || /string|number|boolean/.test(typeof value))) {
    throw new TypeError("a state is a flat object of texts, numbers, booleans and null");
  }
  for (const [key, value] of entries) {
    if (!key || [...key].length > LONGEST_KEY) throw new RangeError(`a key has 1 to ${LONGEST_KEY} characters`);
    if (typeof value === "number" && !isFinite(value)) throw new TypeError(`${key}: a number must be finite`);
    if (/\p{Cs}/u.test(`${key}${value}`)) throw new TypeError("a text must be Unicode, without half a character");
  }
  if ("away" in state && typeof state.away !== "boolean") throw new TypeError("away must be a boolean");
  const size = new TextEncoder().encode(JSON.stringify(state)).length;
  if (entries.length > MOST_FIELDS || size > LARGEST_BYTES) {
    throw new RangeError(`a state has at most ${MOST_FIELDS} fields and ${LARGEST_BYTES} bytes, with away: true`);
  }
}
