/** A visitor's side of a conversation: the client, and what is kept of it from page to page. */

import { addMessages } from "../conversation.js";
import { timer } from "../environment.js";
import { newId } from "../outbox.js";
import { ask, LAST_VERSION } from "../rest.js";
import { identityOf } from "./identity.js";
import { kept } from "./kept.js";
import { ASK_AGAIN_MS, CALM_MS, LONGEST_PAGE } from "./measures.js";
import { askedAt, rowsOf, unreadOf } from "./rows.js";
import { Speaker } from "./speaker.js";
import { afterDelivery } from "./unsent.js";
import { agentsOf } from "./who.js";

/**
 * @typedef {import("../outbox.js").Delivery} Delivery
 *
 * @typedef {Object} Options
 * @property {string} url
 * @property {string} [api]
 * @property {string} [token]  the site's address that says who the visitor is, and gives their token
 * @property {() => (() => string|null|Promise<string|null>)|undefined} ownToken  in its place
 * @property {string} [session]
 * @property {string} [user]
 * @property {string} [name]
 *
 * @typedef {{sessionId: string, userId: string, token?: any}} Who  `token` null: there is none any more
 *
 * @typedef {Object} Talk  what there is to show
 * @property {readonly import("../state.js").Message[]} messages
 * @property {readonly import("./unsent.js").Unsent[]} unsent
 * @property {readonly import("./rows.js").Row[]} rows  both of them
 * @property {boolean} [isWhole]  whether that is all; false: what was said before is still to come
 * @property {readonly import("../people.js").Person[]} people
 * @property {import("../typists.js").Typing} [writer]  who was the last to begin, or to end
 * @property {number} [total]  agents in the session
 * @property {import("../connection.js").ConnectionState} connection
 * @property {string} [availability]  where no agent is in the session
 * @property {string} [me]
 * @property {boolean} [asksName]
 * @property {number} [unread]
 * @property {string} [draft]
 * @property {boolean} [isOpen]  the panel
 */

/**
 * @param {Options} options
 * @param {(talk: Talk) => void} show  after each change
 */
export function converse(options, show) {
  const { url, api: apiUrl, token } = options;
  /** @type {ReturnType<typeof kept<import("./identity.js").Identity>>} */
  const visitor = kept("localStorage", `hadir ${url}`);
  /** @type {ReturnType<typeof kept<{who: string} & Pick<Talk, "unsent"|"draft"|"isOpen">>>} */
  const tab = kept("sessionStorage", `hadir ${url}`);
  const [calm, asking] = [timer(globalThis), timer(globalThis)];
  const leaving = new AbortController();
  const { signal } = leaving;
  /** @type {Speaker|undefined} */
  let client;
  let isBeginning = false;
  let hasHistory = false;
  /** What everyone is shown of the visitor. */
  let shown = "";
  /** @type {Talk} */
  const talk = { messages: [], unsent: [], rows: [], people: [], connection: "closed" };

  /** @param {Partial<Talk>} [more] */
  const change = (more) => {
    const { messages, unsent, isOpen, isWhole, me } = Object.assign(talk, more);
    const rows = rowsOf(messages, unsent, me);
    const known = visitor.read();
    const name = options.name ?? known.name;
    talk.rows = rows;
    talk.asksName = name === undefined && rows.some(({ isMine }) => isMine);
    talk.unread = unreadOf(rows, known.read);
    if (talk.unread && isOpen && !document.hidden) {
      visitor.write({ read: messages.at(-1)?.id });
      talk.unread = 0;
    }
    const state = {
      page: (location.pathname + location.search).slice(0, LONGEST_PAGE),
      name: name || undefined,
      asked: askedAt(rows),
    };
    if (isWhole && shown !== (shown = JSON.stringify(state))) {
      client?.part.mine.set(/** @type {any} */ (state));
    }
    show(talk);
  };

  /** @param {Talk["unsent"]} unsent  of which the next page gets what is not sent */
  const keep = (unsent) => {
    tab.write({ unsent: unsent.filter(({ state }) => state !== "sent") });
    change({ unsent });
  };

  /** Go on with what was left, by the page before or by those that were shown meanwhile. */
  const restore = () => {
    const { unsent = [], draft = "" } = tab.read();
    Object.assign(talk, { unsent, draft });
    for (const { state, clientId, text, triedAt } of unsent) {
      const isKnown = client?.part.own.queue().some((each) => each.clientId === clientId);
      if (state !== "failed" && !isKnown) client?.part.own.add(text, clientId, triedAt);
    }
  };

  /** @param {readonly any[]} events */
  const add = (events) => {
    talk.messages = addMessages(talk.messages, events);
    keep(talk.unsent);
  };

  /** What was said before a version. Where that fails, the next event tries again. @param {number} before */
  const lookBack = async (before) => {
    const { session } = /** @type {Speaker} */ (client);
    hasHistory = true;
    const answer = ask(session.options, `events?limit=200&before=${before}`);
    const { events } = await answer.then((it) => it.json()).catch(() => ({}));
    hasHistory = !!events;
    add(events ?? []);
    // Later: what was said before this page is not to be read out.
    setTimeout(() => change({ isWhole: true }));
  };

  /** Whether somebody would answer, where nobody is in the session. */
  const askAvailability = async () => {
    if (!apiUrl || !talk.isOpen || agentsOf(talk.people)[0]) return;
    const answer = fetch(`${apiUrl.replace(/\/+$/, "")}/api/availability`);
    const { agents } = await answer.then((it) => it.json()).catch(() => ({}));
    change({ availability: agents });
  };

  /** @returns {Promise<Who>} */
  const askWho = async () => {
    if (token) {
      const answer = await fetch(token);
      return answer.status === 401 ? /** @type {any} */ ({ token: null }) : answer.json();
    }
    const known = identityOf(visitor.read(), Date.now());
    visitor.write(known);
    const { session, user } = /** @type {{session: string, user: string}} */ ({ ...known, ...options });
    return { sessionId: session, userId: user };
  };

  /** @param {Talk["connection"]} connection */
  const showConnection = (connection) =>
    calm(/ing$/.test(connection) ? CALM_MS : 0, () => change({ connection }));

  /** @param {Who} known */
  const connect = (known) => {
    const { sessionId, userId } = known;
    /** @type {Who|undefined} */
    let first = known;
    const getToken = async () => {
      // The one that came with the ids is as good as another, once.
      const { token: given } = first ?? (await askWho());
      first = undefined;
      return given;
    };
    client = new Speaker({
      ...{ url, apiUrl, sessionId, userId, userType: "customer" },
      getToken: options.ownToken() ?? (token ? getToken : undefined),
    });
    const who = `${sessionId} ${userId}`;
    visitor.claim(who, { name: undefined });
    tab.claim(who, { unsent: [], draft: "" });
    talk.me = userId;
    client.on("connection", showConnection);
    client.on("message", (message) => add([message]));
    client.on("gap", ({ to }) => lookBack(to + 1));
    client.on("people", (people) => {
      change({ people });
      askAvailability();
    });
    client.on("state", ({ status }) => {
      change({ total: status?.total_agent ?? 0 });
      if (!hasHistory) lookBack(LAST_VERSION);
    });
    client.on("typing", (writer) => change({ writer }));
    client.on("delivery", (delivery) => keep(afterDelivery(talk.unsent, delivery)));
    client.start();
    look();
  };

  const begin = async () => {
    if (isBeginning || signal.aborted) return;
    if (client) return client.start();
    isBeginning = true;
    showConnection("connecting");
    try {
      const who = await askWho();
      if (signal.aborted) return;
      if (who.token === null) showConnection("unauthorized");
      else connect(who);
    } catch (error) {
      console.warn(error);
      asking(ASK_AGAIN_MS, begin);
    }
    isBeginning = false;
  };

  const look = () => {
    if (client) visitor.write({ at: Date.now() });
    tab.write({ isOpen: talk.isOpen });
    restore();
    change();
  };
  for (const type of ["pageshow", "popstate", "visibilitychange"]) addEventListener(type, look, { signal });
  addEventListener("storage", () => change(), { signal });
  /** @type {any} */ (globalThis).navigation?.addEventListener("navigatesuccess", look, { signal });
  restore();

  return {
    /** Connect, unless it is already. */
    begin,

    /** Whether the visitor has opened the chat before, on this site and not too long ago. */
    hasBegun: () => !!identityOf(visitor.read(), Date.now()).who,

    /** Whether the page before has left the panel open. */
    wasOpen: () => !!tab.read().isOpen,

    /** @param {string} text  to be sent, at the latest by the next page */
    send(text) {
      const clientId = newId();
      const timestamp = `${new Date().toISOString().slice(0, 19)}Z`;
      const after = client?.state.version ?? 0;
      this.write("");
      const delivery = /** @type {Delivery} */ ({ clientId, text, state: "waiting" });
      keep([...talk.unsent, { ...delivery, timestamp, after }]);
      client?.part.own.add(text, clientId);
      client?.part.others.said();
    },

    /** @param {import("./rows.js").Row} failed  a message that was not sent */
    retry({ clientId, text }) {
      talk.unsent = talk.unsent.filter((each) => each.clientId !== clientId);
      this.send(text);
    },

    /** @param {string} draft */
    write(draft) {
      tab.write({ draft });
      if (draft || talk.draft) client?.part.others.say(!!draft);
      talk.draft = draft;
    },

    /** @param {string} name  "": they would rather not say */
    rename(name) {
      visitor.write({ name });
      change();
    },

    /** @param {boolean} isOpen */
    turn(isOpen) {
      tab.write({ isOpen });
      change({ isOpen });
      askAvailability();
    },

    stop() {
      leaving.abort();
      calm();
      asking();
      client?.close();
    },
  };
}
