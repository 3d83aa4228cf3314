/**
 * What a client takes from the page around it. Tests hand in a clock and sockets of their own;
 * anybody else gets `globalThis`. Nothing is looked up before a client is made, so that the package can
 * be imported on a server.
 */

/**
 * @typedef {Object} Environment
 * @property {{now: () => number}} performance  milliseconds of a clock that nobody sets
 * @property {{now: () => number}} Date  milliseconds since the Unix epoch, by a clock that may be wrong
 * @property {(run: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {{random: () => number}} Math
 * @property {typeof WebSocket} [WebSocket]
 * @property {{onLine?: boolean}} [navigator]
 * @property {EventTarget & {visibilityState: string}} [document]
 * @property {EventTarget["addEventListener"]} [addEventListener]  the window's
 * @property {EventTarget["removeEventListener"]} [removeEventListener]
 */

/** A browser takes a longer time for none. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * A timer to be set again and again: `set(ms, run)` forgets what it was set to before, `set()` forgets
 * it and is set to nothing.
 * @param {Environment} environment
 * @returns {(ms?: number, run?: () => void) => void}
 */
export function timer(environment) {
  /** @type {any} */
  let id;
  return (ms = 0, run) => {
    environment.clearTimeout(id);
    if (run) id = environment.setTimeout(run, Math.min(ms, LONGEST_MS));
  };
}

/**
 * Tell what happens to the page.
 *
 * A page that is left (closed, reloaded, another one follows) is told so by `pagehide`; it may live
 * on in the back/forward cache, sockets and all, and `pageshow` tells that it is back (HTML
 * Standard, "page visibility change and pagehide"). `freeze` and `resume` are the same of a tab that
 * the browser puts to sleep (Page Lifecycle API).
 * @param {Environment} environment
 * @param {{leave: () => void, back: () => void, online: () => void, offline: () => void}} on  `back`:
 *   the page is back, or somebody looks at it again
 * @returns {() => void} stops it
 */
export function watchPage(environment, { leave, back, online, offline }) {
  const { document } = environment;
  const visibilitychange = () => document?.visibilityState === "visible" && back();
  /** @param {"addEventListener"|"removeEventListener"} method */
  const each = (method) => {
    for (const [target, handlers] of /** @type {[any, Record<string, () => void>][]} */ ([
      [environment, { pagehide: leave, pageshow: back, focus: back, online, offline }],
      [document, { freeze: leave, resume: back, visibilitychange }],
    ])) {
      // One by one: Node forgets an AbortSignal's listeners but for the last of a target.
      for (const name in handlers) target?.[method]?.(name, handlers[name]);
    }
  };
  each("addEventListener");
  return () => each("removeEventListener");
}
