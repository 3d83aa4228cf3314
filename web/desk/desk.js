/** The desk: one page for a team, who is in which session, and one action: take it. */

import { HadirWatcher } from "../watcher.js";
import { summary } from "./attention.js";
import { access } from "./access.js";
import { alerts } from "./alerts.js";
import { bar, views } from "./bar.js";
import { Calls } from "./calls.js";
import { Chats } from "./chats.js";
import { write } from "./element.js";
import { list } from "./list.js";
import { pane } from "./pane.js";
import { nameOf } from "./rows.js";
import { Store, titleOf } from "./store.js";
import { BEAT_MS } from "./trust.js";
import { isMine } from "./views.js";
import { Visit } from "./visit.js";

const HOME = "desk";
/** In a hidden page there are no frames, but still notifications and a title. */
const HIDDEN_MS = 300;
const SUM_UP_MS = 5_000;
const UNAUTHORIZED =
  "The server does not let you in: your token has expired, or is not for all sessions. Open the desk " +
  "through your team's login again.";
const FORBIDDEN =
  "You may not see the sessions: your token must be an agent's or an admin's, for the sessions *.";

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
    if (!isScheduled) return;
    isScheduled = false;
    draw();
  };
  requestAnimationFrame(run);
  setTimeout(run, HIDDEN_MS);
}

const visit = new Visit(watcher, changed);
const chats = new Chats(options, changed);
const alert = alerts(part("alerts"), { now, open });
const isBusy = (/** @type {string} */ id) => busy.has(id);
const sessions = list(part("sessions"), { store, me, now, take, open, isBusy });
const session = pane(part("pane"), {
  store, me, now, visit, chats, take, colleagues, kick, say, isBusy,
  handOver: assign,
  release: (id) => assign(id, null),
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
  await assign(id, me.id);
  const row = store.rows.get(id);
  if (row && isMine(row, me.id)) session.write();
}

/** @param {string} id @param {?string} userId */
async function assign(id, userId) {
  if (busy.has(id)) return;
  busy.add(id);
  changed();
  try {
    await (userId === me.id ? watcher.take(id) : watcher.assign(id, userId));
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

/** Who else has a desk open. @returns {Promise<{id: string, name: string}[]>} */
async function colleagues() {
  const { people } = await watcher.explain(HOME);
  return people
    .filter((/** @type {any} */ { user_id }) => user_id !== me.id)
    .map((/** @type {any} */ { user_id }) => ({ id: user_id, name: user_id }));
}

/** @param {string} id @param {import("../people.js").Person} person */
function kick(id, person) {
  watcher.kick(id, person).catch(({ message }) => alert.say(message));
}

/** @param {string} id @param {string} text */
function say(id, text) {
  chats.join(id).send(text);
  changed();
}

/** Be in the sessions one has, as long as somebody is there. */
function attend() {
  for (const row of store.rows.values()) {
    if (isMine(row, me.id) && row.session && row.state !== "left" && row.state !== "empty") chats.join(row.id);
  }
  for (const id of chats.sessions) {
    const row = store.rows.get(id);
    const isOver = !row || row.state === "left" || row.state === "empty";
    const isLeft = row && !isMine(row, me.id) && id !== store.selected;
    if (isOver || isLeft) chats.leave(id);
  }
}

/** @type {Record<string, (name: string) => string>} */
const CALLS = {
  waits: (name) => `${name} is waiting`,
  back: (name) => `${name} is back`,
  left: (name) => `${name} has left`,
  message: (name) => `${name} writes`,
};

/** @param {import("./attention.js").Notice} notice */
function tell({ kind, row }) {
  if (kind === "left") {
    alert.left(row);
    store.happened.left -= 1; // an alert is read anyway
  }
  calls.play(kind);
  calls.show(CALLS[kind](titleOf(row)), kind === "message" ? (row.said?.text ?? "") : "", row.id, () => open(row.id));
}

function draw() {
  const isLooked = document.visibilityState === "visible" && document.hasFocus();
  for (const notice of store.advance(now(), isLooked)) tell(notice);
  alert.check((id) => store.rows.get(id));
  document.body.dataset.live = `${top.render()}`;
  showViews();
  sessions.render();
  session.render();
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
  if (target.closest("input, textarea, select, button, summary")) return;
  if (event.key === "/") top.search.focus();
  else if (!sessions.grid.contains(target) && sessions.key(event.key)) sessions.focus();
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
  if (isLive !== wasLive) write(part("voice"), isLive ? "Connected again" : "Connection lost. The list may be out of date.");
  if (isLive !== wasLive || (!joined && left <= 0)) return void (wasLive = isLive);
  write(part("voice"), summary({ joined, left, waiting: store.counts.waiting }));
  store.happened = { joined: 0, left: 0 };
}, SUM_UP_MS);
addEventListener("focus", () => {
  store.select(store.selected); // what came meanwhile is seen now
  changed();
});
watcher.start();
draw();
