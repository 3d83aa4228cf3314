/** Which socket is in use: the first, the next after one that was lost, the next before one ends. */

import { timer, watchPage } from "./environment.js";
import { openLink } from "./link.js";
import * as times from "./times.js";

/**
 * `connecting`: not open yet; `open`; `reconnecting`: was open and will be again; `offline`: the
 * browser has no network; `closed`: not started, or closed by the application. In the last three it
 * has stopped for good, until `start` is called again: `kicked`: put out; `unauthorized`: there is
 * no good token; `unsupported`: no such socket can be opened here.
 * @typedef {"connecting"|"open"|"reconnecting"|"offline"|"closed"|"kicked"|"unauthorized"
 *   |"unsupported"} ConnectionState
 */

/** @type {ReadonlySet<ConnectionState>} */
export const FINAL_STATES = new Set(["kicked", "unauthorized", "unsupported"]);

/**
 * How long to wait before trying again: full jitter, so that nobody comes back together.
 * @param {number} attempt  0 for the first
 * @param {() => number} random
 * @returns {number} milliseconds
 */
export function retryDelay(attempt, random) {
  return random() * Math.min(times.SHORTEST_RETRY_MS * 2 ** attempt, times.LONGEST_RETRY_MS);
}

/**
 * A socket kept open: it comes back when it is lost, and goes when the page goes.
 * @param {import("./environment.js").Environment} environment
 * @param {{address: string, getToken?: () => unknown, heartbeatMs: number, lifetimeMs: number,
 *   beaten?: () => void}} options  `beaten`: told of each heartbeat that is sent
 * @param {{state: (state: ConnectionState, why?: string) => void, open: () => void,
 *   frame: (frame: any) => void, lost: () => void, error: (code: string, message: string) => void,
 *   isRefused: () => Promise<boolean>}} on  `isRefused`: whether the server is known to refuse
 */
export function keepConnected(environment, options, on) {
  const now = () => environment.performance.now();
  const random = () => environment.Math.random();
  const [retry, rollover] = [timer(environment), timer(environment)];
  let state = /** @type {ConnectionState} */ ("closed");
  let isWanted = false;
  let hasBeenOpen = false;
  /** The page is in the back/forward cache, frozen, or on its way there. */
  let isAway = false;
  /** The socket in use. @type {?import("./link.js").Link} */
  let current = null;
  /** The one that is to follow, or to be the first. @type {?import("./link.js").Link} */
  let next = null;
  let failures = 0;
  let unopened = 0;
  let badTokens = 0;
  let patience = times.PATIENCE_MS;
  /** When the server wants us back at the earliest. */
  let notBefore = 0;
  /** The browser has said so since the socket opened; what still comes over it proves little. */
  let isOffline = false;
  let unwatch = () => {};

  /** @param {ConnectionState} shown @param {string} [why] */
  const show = (shown, why) => {
    if (shown !== state) on.state((state = shown), why);
  };

  const showWait = () => {
    if (environment.navigator?.onLine === false) show("offline");
    else show(hasBeenOpen ? "reconnecting" : "connecting");
  };

  /** There is no socket in use. */
  const wait = () => {
    on.lost();
    showWait(); // last: a listener may call `close`
  };

  /** @param {number} code */
  const hangUp = (code) => {
    retry();
    rollover();
    current?.close(code);
    next?.close(code);
    current = next = null;
  };

  /**
   * @param {ConnectionState} shown  from which only `start` leads on
   * @param {string} [why]  where the application did not ask for it
   */
  const stop = (shown, why) => {
    hangUp(times.CLOSED);
    isWanted = false;
    unwatch();
    on.lost();
    show(shown, why);
  };

  /** @param {number} [told]  the server's word on when to come back, ms */
  const tryAgain = (told) => {
    notBefore = now() + (told ?? times.SHORTEST_RETRY_MS);
    retry(told ?? retryDelay(failures++, random), connect);
    if (!current) wait();
  };

  /** @param {string} message */
  const refused = async (message) => {
    on.error("unreachable", message);
    if ((await on.isRefused()) && isWanted && unopened >= times.MANY_FAILURES && !current) {
      stop("unauthorized", "the server refuses this token");
    }
  };

  /** @param {import("./link.js").Link} link */
  const use = (link) => {
    current?.close(times.CLOSED);
    current = link;
    next = null;
    hasBeenOpen = true;
    // Not at the same time as everybody else, and early enough for several tries.
    rollover(options.lifetimeMs * (0.85 + random() / 10), () => next || connect());
    isOffline = false;
    on.open();
    if (current) show("open");
  };

  /**
   * The server will close this socket.
   * @param {import("./hadir.js").Closing} data
   */
  const putOut = ({ reason, message, reconnect_after_ms }) => {
    if (reconnect_after_ms) {
      hangUp(times.CLOSED);
      tryAgain(reconnect_after_ms);
    } else stop("kicked", `put out: ${message ?? reason}`);
  };

  function connect() {
    retry();
    next?.close(times.CLOSED);
    const link = openLink(environment, options, {
      open() {
        unopened = badTokens = 0;
        patience = times.PATIENCE_MS;
        // One that follows another is not in use before it is heard: only then its person is present.
        if (!current) use(link);
      },
      frame(frame) {
        if (link === next) use(link);
        if (!current) return;
        if (!isOffline) show("open");
        on.frame(frame);
        if (frame.type === "closing" && isWanted) putOut(frame.data);
      },
      end({ code, message, isFinal }) {
        if (isFinal) return stop(code === "unsupported" ? code : "unauthorized", message);
        if (link === current) {
          current = null;
          rollover();
          if (link.ageMs() >= times.LIVED_MS) failures = 0;
          if (next?.isOpen()) return use(next);
          return next ? wait() : tryAgain();
        }
        next = null;
        if (code === "refused" && ++unopened >= times.MANY_FAILURES) refused(message);
        if (code !== "refused" && message) on.error(code, message);
        if (code === "bad_token" && ++badTokens >= times.MOST_BAD_TOKENS && !current) {
          return stop("unauthorized", message);
        }
        if (isWanted) tryAgain();
      },
      error: on.error,
    });
    next = link;
  }

  /**
   * Now is a good moment: somebody looks at the page, or the network is back.
   * @param {boolean} isOnline
   */
  const hurry = (isOnline) => {
    if (isAway) return;
    if (current) return current.check(isOnline);
    if (isOnline) patience = times.PATIENCE_MS;
    if (!next) retry(notBefore - now(), connect);
    else if (now() - next.startedAt >= patience) {
      patience *= 2; // so that a slow handshake comes to its end, however often somebody looks
      connect();
    }
    showWait();
  };

  return {
    start() {
      if (isWanted) return;
      isWanted = true;
      hasBeenOpen = isAway = false;
      failures = unopened = badTokens = notBefore = 0;
      patience = times.PATIENCE_MS;
      if (!environment.WebSocket) {
        return stop("unsupported", "no WebSocket");
      }
      unwatch = watchPage(environment, {
        leave() {
          if (isAway) return;
          isAway = true;
          hangUp(times.PAGE_LEFT);
          wait();
        },
        back() {
          isAway = false;
          hurry(false);
        },
        online() {
          isOffline = false;
          hurry(true);
        },
        offline() {
          isOffline = true;
          show("offline");
        },
      });
      connect();
      showWait();
    },

    /** Leave, until `start`. */
    close() {
      if (isWanted) stop("closed");
    },

    /**
     * @param {Object} message
     * @returns {boolean} whether it could be handed to an open socket
     */
    send: (message) => !!current?.send(message),
  };
}
