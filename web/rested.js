/** Telling of changes: once for all of a turn, and where telling takes long, not all the time. */

import { timer } from "./environment.js";

/** After telling, for how long nothing is told, as a multiple of how long that took. */
const REST = 9;

/**
 * @param {import("./environment.js").Environment} environment
 * @param {() => void} tell
 * @returns {() => void}  to be called for each change
 */
export function rested(environment, tell) {
  const now = () => environment.performance.now();
  const resting = timer(environment);
  let isAnnounced = false;
  let restsUntil = -Infinity;

  const announce = () => {
    const startedAt = now();
    isAnnounced = false;
    tell();
    restsUntil = now() + (now() - startedAt) * REST;
  };

  return () => {
    if (isAnnounced) return;
    isAnnounced = true;
    const wait = restsUntil - now();
    if (wait > 0) resting(wait, announce);
    else Promise.resolve().then(announce);
  };
}
