/** One socket, from the question for a token to its end. */

import { timer } from "./environment.js";
import { checkToken, expiryOf, TokenError } from "./options.js";
import * as times from "./times.js";

const SUBPROTOCOL = "hadir.v1";

/**
 * @typedef {Object} End  why a link ended by itself
 * @property {"closed"|"silent"|"timeout"|"refused"|"no_token"|"bad_token"|"unsupported"} code
 *   `closed`: an open socket was closed by the other side or the network; `silent`: it did not
 *   answer; `timeout`: it did not open in time, `refused`: or not at all; `no_token`: `getToken`
 *   failed, `bad_token`: or gave something else; `unsupported`: the browser opens no such socket
 * @property {string} message  empty where the application is not told: `closed`, `silent`
 * @property {boolean} isFinal  a second try cannot help
 *
 * @typedef {Object} Link
 * @property {number} startedAt
 * @property {() => boolean} isOpen
 * @property {() => number} ageMs  how long the socket has been open
 * @property {(message: Object) => boolean} send  whether it could be handed to the socket
 * @property {(isLikelyDead: boolean) => void} check  ask whether the socket is alive
 * @property {(code: number) => void} close  without a word to whoever opened it
 */

/**
 * Open a socket. It beats as soon as it is open, asks for a fresh token before its own expires, and
 * ends by itself where it does not open or answer in time.
 * @param {import("./environment.js").Environment} environment
 * @param {{address: string, getToken?: () => unknown, heartbeatMs: number, beaten?: () => void}} options
 *   `beaten`: told of each heartbeat that is sent
 * @param {{open: () => void, frame: (frame: any) => void, end: (end: End) => void,
 *   error: (code: string, message: string) => void}} on  never called before this returns
 * @returns {Link}
 */
export function openLink(environment, { address, getToken, heartbeatMs, beaten }, on) {
  const now = () => environment.performance.now();
  const startedAt = now();
  const [opening, beating] = [timer(environment), timer(environment)];
  const [answer, renewal] = [timer(environment), timer(environment)];
  /** @type {WebSocket|undefined} */
  let socket;
  let openedAt = Infinity;
  let hasEnded = false;
  /** When the answer to a heartbeat must have come; 0 where none is waited for. */
  let answerBy = 0;
  /** Whether the answer that is waited for is the second chance. */
  let wasStopped = false;
  /** Until when what was proved is good, and when to prove it anew, by the server's clock. */
  let expiry = /** @type {?number} */ (null);
  let renewAt = 0;
  let isRenewing = false;

  /** @param {number} code */
  const close = (code) => {
    hasEnded = true;
    for (const stop of [opening, beating, answer, renewal]) stop();
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(code);
  };

  /** @param {End["code"]} code @param {string} [message] @param {boolean} [isFinal] */
  const end = (code, message = "", isFinal = false) => {
    if (hasEnded) return;
    close(code === "silent" ? times.NO_ANSWER : times.CLOSED);
    on.end({ code, message, isFinal });
  };

  const isOpen = () => socket?.readyState === 1;

  /** @param {Object} message */
  const send = (message) => {
    if (!isOpen()) return false;
    socket?.send(JSON.stringify(message));
    return true;
  };

  const token = async () => getToken && checkToken(await getToken());

  /** @param {any} error  of `token` */
  const endForToken = (error) =>
    error instanceof TokenError
      ? end("bad_token", error.message, error.isFinal)
      : end("no_token", `getToken failed: ${error?.message ?? error}`);

  /**
   * A socket that does not answer is dead, whatever the browser believes. Where an answer is waited
   * for already, that wait goes on, and never gets longer.
   * @param {number} limit  ms
   */
  const beat = (limit) => {
    const by = now() + limit;
    if (answerBy ? answerBy <= by : !send({ action: "heartbeat" })) return;
    beating();
    beaten?.();
    answerBy = by;
    answer(limit, () => {
      // Noticed too late, we were stopped (a laptop that slept) and could not have heard it.
      if (now() - by < times.STOPPED_MS || wasStopped) return end("silent");
      wasStopped = true;
      answerBy = 0;
      beat(times.DOUBTED_ANSWER_MS);
    });
  };

  /** @param {?number} at  until when that is good which was just proved */
  const expect = (at) => {
    renewal();
    expiry = at;
    renewAt = 0;
    isRenewing = false;
  };

  const renew = async () => {
    isRenewing = true;
    renewal(times.RENEW_AGAIN_MS, renew); // until the server says `reauthorized`
    try {
      send({ action: "reauthorize", token: await token() });
    } catch (/** @type {any} */ error) {
      if (error?.isFinal) endForToken(error);
      else if (!hasEnded) on.error("no_token", `getToken failed: ${error?.message ?? error}`);
    }
  };

  /**
   * Prove anew who this is, shortly before what was proved expires. By the server's time, since
   * this machine's clock may be wrong.
   * @param {number} serverTime  milliseconds since the Unix epoch
   */
  const renewInTime = (serverTime) => {
    if (!expiry || !serverTime || isRenewing) return;
    const left = expiry - serverTime;
    renewAt ||= serverTime + Math.max(left - times.RENEW_MS, left / 2, times.SOONEST_RENEWAL_MS);
    renewal(renewAt - serverTime, renew);
  };

  /** @param {any} frame */
  const heard = (frame) => {
    answer();
    wasStopped = false;
    // From here and not from a timer: browsers slow down timers that set timers in hidden pages.
    if (answerBy) beating(heartbeatMs, () => beat(times.ANSWER_MS));
    answerBy = 0;
    if (frame.type === "heartbeat_ack") renewInTime(Date.parse(frame.data.server_time));
    if (frame.type === "reauthorized") {
      expect(Date.parse(frame.data.expires_at));
      beat(times.ANSWER_MS); // whose answer tells the server's time
    }
    on.frame(frame);
  };

  /** @param {string} [proof] */
  const open = (proof) => {
    if (hasEnded) return;
    try {
      const offer = proof ? [SUBPROTOCOL, `token.${proof}`] : [];
      socket = new /** @type {typeof WebSocket} */ (environment.WebSocket)(address, offer);
    } catch (error) {
      return end("unsupported", `${error}`, true);
    }
    socket.onopen = () => {
      opening();
      openedAt = now();
      expect(proof ? expiryOf(proof) : null);
      on.open();
      beat(times.ANSWER_MS);
    };
    socket.onmessage = ({ data }) => heard(JSON.parse(data));
    socket.onclose = () =>
      openedAt < Infinity
        ? end("closed")
        : end("refused", `${address.split("?")[0]} refuses or is away`);
  };

  opening(times.OPENING_MS, () => {
    end("timeout", `${socket || !getToken ? "handshake" : "getToken"}: no answer in 10 s`);
  });
  token().then(open, endForToken);

  return {
    startedAt,
    isOpen,
    ageMs: () => now() - openedAt,
    send,
    check: (isLikelyDead) => beat(isLikelyDead ? times.DOUBTED_ANSWER_MS : times.ANSWER_MS),
    close,
  };
}
