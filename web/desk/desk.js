/** The desk: one page for a team, who is in which session, and one action: take it. */

import { HadirWatcher } from "../watcher.js";
import { summary } from "./attention.js";
import { access } from "./access.js";
import { alerts } from "./alerts.js";
import { bar, views } from "./bar.js";
import { Calls } from "./calls.js";
import { Chats } from "./chats.js";
import { write } from "./element.js";
import { departureOf, isThere } from "./evidence.js";
import { list } from "./list.js";
import { pane } from "./pane.js";
import { nameOf } from "./rows.js";
import { Store, titleOf } from "./store.js";
import { BEAT_MS, trust } from "./trust.js";
import { isMine } from "./views.js";
import { Visit } from "./visit.js";

const HOME = "desk";
/** In a hidden page there are no frames, but still notifications and a title. */
const HIDDEN_MS = 300;
const SUM_UP_MS = 5_000;
const ASK_AGAIN_MS = 2_000;
const MOST_TRIES = 15;
const UNAUTHORIZED =
  "The server does not let you in: your token has expired, or is not for all sessions. Open the desk " +
  "through your team's login again.";
const FORBIDDEN =
  "You may not see the sessions: your token must be an agent's or an admin's, for the sessions *.";

/**
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("../people.js").Person} Person
 */

/** @param {{id: string, type: string}} a @param {{id: string, type: string}} b */
const isSame = (a, b) => a.id === b.id && a.type === b.type;

/** @param {string} id */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const { url, apiUrl, me, token } = access();
const options = {
  url,
  apiUrl,
  userId: me.id,
  userType: me.type,
  heartbeatMs: BEAT_MS,
  ...(token && { getToken: () => token }),
};
const watcher = new HadirWatcher({ ...options, sessionId: HOME });
export const store = new Store(me);
const calls = new Calls();
const now = () => watcher.serverNow();
/** Sessions of which it is asked who is to have them. @type {Set<string>} */
const busy = new Set();
let isScheduled = false;

/** Draw at the next frame; once, whatever else comes until then. */
function changed() {
  if (isScheduled) return;
  isScheduled = true;
  const run = () => {
    cancelAnimationFrame(frame);
    clearTimeout(later);
    isScheduled = false;
    draw();
  };
  const frame = requestAnimationFrame(run);
  const later = setTimeout(run, HIDDEN_MS);
}

const visit = new Visit(watcher, changed);
const chats = new Chats(options, {
  change: changed,
  message: (sessionId, data) => {
    visit.hear({ sessionId, type: "message", data });
    changed();
  },
});
const alert = alerts(part("alerts"), { now, open });
const isBusy = (/** @type {string} */ id) => busy.has(id);
const standing = () => trust(watcher, performance.now()).text;
const sessions = list(part("sessions"), { store, me, now, standing, take, open, isBusy });
const session = pane(part("pane"), {
  store, me, now, visit, chats, take, colleagues, kick, isBusy,
  handOver: assign,
  release: (id) => assign(id, null),
  tell: (text) => alert.say(text),
  close: () => close(),
});
const top = bar(part("bar"), {
  store, watcher, calls, me, changed,
  say: (text) => alert.say(text),
  toList: () => sessions.focus(),
});
const showViews = views(part("views"), store, changed);

/** @param {string} id */
function open(id) {
  store.select(id);
  sessions.at(id);
  visit.open(id);
  document.body.dataset.pane = "";
  draw();
  if (matchMedia("(max-width: 48rem)").matches) session.focus();
}

function close() {
  const id = store.selected;
  store.select(null);
  visit.open(null);
  delete document.body.dataset.pane;
  draw();
  if (id) sessions.focus();
}

/** Take a session: of two who do, one has it, and the other is told who. @param {string} id */
async function take(id) {
  open(id);
  await assign(id, me);
  const row = store.rows.get(id);
  // They may write to somebody else by now, or search.
  const isElsewhere = store.selected !== id || document.activeElement?.matches("input, textarea, select");
  if (row && isMine(row, me) && !isElsewhere) session.write();
}

/** @param {string} id @param {?import("./pane.js").Colleague} to  null: nobody */
async function assign(id, to) {
  if (busy.has(id)) return;
  busy.add(id);
  changed();
  try {
    await (to === me ? watcher.take(id) : watcher.assign(id, to && to.id, to ? { userType: to.type } : {}));
  } catch (error) {
    alert.say(refusalOf(/** @type {any} */ (error), id));
  }
  busy.delete(id);
  draw();
}

/** @param {{code: string, message: string, assigned?: {user_id: string}}} error @param {string} id */
function refusalOf({ code, message, assigned }, id) {
  const row = store.rows.get(id);
  const name = row ? titleOf(row) : id;
  if (code !== "conflict") return `${name}: ${message}`;
  const who = row?.people.find((person) => person.id === assigned?.user_id && person.type !== "customer");
  return assigned ? `${nameOf(who ?? null) || assigned.user_id} took ${name}.` : `Nobody has ${name} any more.`;
}

/** Who else has a desk open. @returns {Promise<import("./pane.js").Colleague[]>} */
async function colleagues() {
  const { people } = await watcher.explain(HOME);
  return people
    .map((/** @type {any} */ { user_id, user_type }) => ({ id: user_id, type: user_type }))
    .filter((/** @type {import("./pane.js").Colleague} */ { id, type }) => id !== me.id || type !== me.type);
}

/** @param {string} id @param {import("../people.js").Person} person */
function kick(id, person) {
  watcher.kick(id, person).catch(({ message }) => alert.say(message));
}

/** Be in the sessions one has, as long as somebody is there. */
function attend() {
  for (const row of store.rows.values()) {
    if (isMine(row, me) && row.session && row.state !== "left" && row.state !== "empty") chats.join(row.id);
  }
  for (const id of chats.sessions) {
    const row = store.rows.get(id);
    const isAlone = !row?.session || row.state === "left";
    const isElsewhere = !!row && !isMine(row, me) && id !== store.selected;
    if (isAlone || isElsewhere) chats.leave(id);
  }
}

/** @type {Record<string, (name: string) => string>} */
const CALLS = {
  waits: (name) => `${name} is waiting`,
  back: (name) => `${name} is back`,
  left: (name) => `${name} has left`,
  message: (name) => `${name} writes`,
};

/**
 * Somebody has left: why, where that was missed, and not where they are back. The server says both; where it
 * does not answer, it is asked again for half a minute, as nobody knows then who is here.
 * @param {Row} row
 * @param {Person} who
 */
async function tellLeft(row, who) {
  const isGone = () => store.rows.get(row.id)?.people.some((each) => isSame(each, who) && each.presence === "left");
  for (let tries = 1; isGone(); tries += 1) {
    const facts = await watcher.explain(row.id).catch(() => null);
    if (facts && isThere(facts, who)) return;
    if (facts || tries === MOST_TRIES) {
      const departure = who.departure ?? departureOf(facts, who);
      store.explain(row.id, who, departure, now());
      alert.left(row, { ...who, departure });
      call("left", nameOf(who), "", row.id);
      return changed();
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}

/** @param {import("./attention.js").Kind} kind @param {string} name @param {string} body @param {string} id */
function call(kind, name, body, id) {
  calls.play(kind);
  calls.show(CALLS[kind](name), body, id, () => open(id));
}

/** @param {import("./attention.js").Notice[]} notices */
function tell(notices) {
  const kinds = new Set();
  for (const { kind, row, person } of notices) {
    if (person) {
      if (row.state === "left") store.happened.left -= 1; // an alert is read anyway
      tellLeft(row, person);
    } else if (!kinds.has(kind)) {
      // Of fifty who wait, one sound is enough.
      call(kind, titleOf(row), kind === "message" ? (row.said?.text ?? "") : "", row.id);
      kinds.add(kind);
    }
  }
}

function draw() {
  const isLooked = document.visibilityState === "visible" && document.hasFocus();
  const notices = store.advance(now(), performance.now(), isLooked);
  alert.check((id) => store.rows.get(id));
  document.body.dataset.live = `${top.render().isLive}`;
  showViews();
  sessions.render();
  session.render();
  tell(notices);
}

watcher.on("event", (event) => {
  store.hear(event);
  visit.hear(event);
});
watcher.on("gap", ({ sessionId }) => (sessionId === null || sessionId === visit.id) && visit.refresh());
watcher.on("sessions", (table) => {
  store.list(table, watcher.isCurrent);
  changed();
});
watcher.on("connection", (state) => {
  if (state === "unauthorized") alert.say(UNAUTHORIZED);
  if (state === "kicked" || state === "unsupported") alert.say(`The desk has stopped: ${watcher.error?.message}.`);
  changed();
});
watcher.addEventListener("error", (event) => {
  if (event.detail.code !== "forbidden") return;
  event.preventDefault();
  alert.say(FORBIDDEN);
});

document.addEventListener("keydown", (event) => {
  const target = /** @type {Element} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape" && store.selected && !target.matches("select")) return close();
  if (!calls.wanted.keys || target.closest("input, textarea, select, button, summary, #pane, .grid")) return;
  if (event.key === "/") top.search.focus();
  else if (/^[jkt]$/i.test(event.key) && sessions.key(event.key)) sessions.focus();
  else return;
  event.preventDefault();
});
setInterval(() => {
  attend();
  if (document.visibilityState === "visible") visit.look(performance.now());
  changed();
}, 1_000);
/** Whether the desk could be believed when that was last said; a short loss is not worth it. */
let wasLive = true;
setInterval(() => {
  const { joined, left } = store.happened;
  const isLive = document.body.dataset.live === "true";
  if (!store.hasBegun) return;
  if (isLive !== wasLive) write(part("voice"), isLive ? "Connected again" : "Connection lost. The list may be out of date.");
  if (isLive !== wasLive || (!joined && left <= 0)) return void (wasLive = isLive);
  write(part("voice"), summary({ joined, left, waiting: store.counts.waiting }));
  store.happened = { joined: 0, left: 0 };
}, SUM_UP_MS);
// The team's login may open a link with another token in this tab.
addEventListener("hashchange", () => location.hash.includes("token=") && location.reload());
addEventListener("focus", () => {
  store.select(store.selected); // what came meanwhile is seen now
  changed();
});
watcher.start();
draw();
