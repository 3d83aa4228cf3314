/** What happened, in the words of the people it happened to. Pure; the page decides how it looks. */

/**
 * @typedef {import("../state.js").Update} Update
 * @typedef {{id: string, type: string}} Who
 * @typedef {?{reason?: string, evidence?: string, close_code?: number}} Departure  null where it was missed
 */

/** @type {Record<string, string>} */
const TYPES = { customer: "Customer", agent: "Agent", admin: "Admin" };
/** @type {Record<string, string>} */
const REASONS = {
  network_error: "lost the network",
  idle_timeout: "did nothing for ten minutes",
  duration_limit: "had been connected for two hours",
  heartbeat_timeout: "went silent for over a minute",
  kicked: "was put out",
  token_expired: "was no longer signed in",
  rate_limited: "sent too much",
  gone: "was gone without a goodbye",
};
/** @type {Record<string, string>} */
const EVIDENCE = {
  close_frame: "the browser said goodbye",
  platform: "API Gateway says the socket is gone",
  silence: "nothing was heard",
  server: "the server closed it",
};
/** Of what API Gateway told, and no browser said. @type {Record<string, string>} */
const UNSAID = {
  network_error: "the connection broke off",
  idle_timeout: "API Gateway closed it",
  duration_limit: "API Gateway closed it",
};
/** By close code: the client says with one that its page goes; without that, the browser does. @type {Record<number, string>} */
const CLOSINGS = {
  1000: "pressed Leave",
  1001: "went as the tab crashed, or without a word",
  4001: "closed the page or followed a link",
};

/** @param {string} text */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** @param {string} type */
export const typeWords = (type) => TYPES[type] ?? type;

/**
 * Why somebody left, as in "customer_123 … ".
 * @param {Departure} departure
 */
export function reasonWords(departure) {
  const { reason = "", close_code: code = 0 } = departure ?? {};
  if (reason === "client_closed") return CLOSINGS[code] ?? "closed the connection";
  return REASONS[reason] ?? "nobody knows why";
}

/**
 * How that is known; nothing where it is not.
 * @param {Departure} departure
 */
export function evidenceWords(departure) {
  const { reason = "", evidence = "" } = departure ?? {};
  if (evidence === "close_frame" && UNSAID[reason]) return UNSAID[reason];
  return EVIDENCE[evidence] ?? "";
}

/**
 * "3 s", "2 min", "1 h 5 min".
 * @param {number} seconds
 */
export function durationWords(seconds) {
  const whole = Math.max(Math.floor(seconds), 0);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  if (!hours) return `${minutes} min`;
  return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
}

/**
 * A clock that counts: "0:07", "2:14", "1:02:14".
 * @param {number} seconds
 */
export function stopwatch(seconds) {
  const whole = Math.max(Math.floor(seconds), 0);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ part) => `${part}`.padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/**
 * "14:31:07" where one is; with the day, where that is another one.
 * @param {string|number} moment
 * @param {number} now
 */
export function timeWords(moment, now) {
  const date = new Date(moment);
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => `${part}`.padStart(2, "0"))
    .join(":");
  if (date.toDateString() === new Date(now).toDateString()) return time;
  return `${date.toLocaleDateString("en", { day: "numeric", month: "short" })}, ${time}`;
}

/** The same without seconds. @param {string|number} moment @param {number} now */
export const clockWords = (moment, now) => timeWords(moment, now).replace(/:\d\d$/, "");

/**
 * An event: who, what they did, and of a leave why, and how that is known.
 * @param {Update} data
 * @param {Who} me
 */
export function eventWords(data, me) {
  const isMe = data.event_user_id === me.id && data.event_user_type === me.type;
  const who = isMe ? "You" : data.event_user_id;
  if (data.event_type === "user_connected") {
    if (!data.reconnected) return { who, what: "came in", why: [] };
    const after = data.offline_seconds ? ` after ${durationWords(data.offline_seconds)}` : " at once";
    return { who, what: `${isMe ? "are" : "is"} back${after}`, why: [] };
  }
  const isPutOut = data.reason === "kicked";
  const what = isPutOut ? `${isMe ? "were" : "was"} put out` : "left";
  return { who, what, why: [isPutOut ? "" : reasonWords(data), evidenceWords(data)].filter(Boolean) };
}
