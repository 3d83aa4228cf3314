/** Whether what the desk shows can be believed, and since when it cannot. Pure. */

/** How often the desk asks the server whether it is still there, ms. */
export const BEAT_MS = 10_000;
/** After one more silence than that there is something wrong. */
const SILENCE_MS = BEAT_MS + 2_000;

const WORDS = {
  closed: "Not connected",
  connecting: "Connecting",
  open: "Catching up",
  reconnecting: "Connection lost, trying again",
  offline: "This browser is offline",
  kicked: "Put out",
  unauthorized: "Not signed in",
  unsupported: "Cannot connect here",
};

/**
 * @typedef {Object} Trust
 * @property {boolean} isLive
 * @property {string} text
 * @property {string} hint  what that means
 */

/**
 * @param {{connection: keyof typeof WORDS, isCurrent: boolean, heardAt: number, delay: ?number}} watcher
 * @param {number} now  of the clock of `heardAt`
 * @returns {Trust}
 */
export function trust({ connection, isCurrent, heardAt, delay }, now) {
  const silence = now - heardAt;
  if (connection === "open" && isCurrent && silence < SILENCE_MS) {
    const text = delay === null ? "Live" : `Live · ${Math.max(Math.round(delay), 1)} ms`;
    return { isLive: true, text, hint: "Nothing is missing. The server answers in that time." };
  }
  const why = connection === "open" && isCurrent ? "The server does not answer" : WORDS[connection];
  if (heardAt === -Infinity) return { isLive: false, text: why, hint: "Nothing is known yet." };
  const text = `${why} · last heard ${ago(silence)} ago`;
  return { isLive: false, text, hint: "The list may be out of date. It goes on by itself." };
}

/** @param {number} ms */
function ago(ms) {
  const seconds = Math.floor(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
}
