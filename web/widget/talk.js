/** A visitor's side of a conversation: the client, and what is kept of it from page to page. */

import { addMessages } from "../conversation.js";
import { timer } from "../environment.js";
import { newId } from "../outbox.js";
import { ask, LAST_VERSION } from "../rest.js";
import { cut, identityOf, newSecret } from "./identity.js";
import { kept } from "./kept.js";
import { unreadOf } from "./rows.js";
import { Speaker } from "./speaker.js";
import { afterDelivery, isOf, notShown } from "./unsent.js";
import { agentsOf } from "./who.js";

/** A lost connection is often back within it. */
const CALM_MS = 1_000;
const ASK_AGAIN_MS = 5_000;
const LONGEST_PAGE = 200;
const LONGEST_NAME = 60;

/**
 * @typedef {Object} Options
 * @property {string} url
 * @property {string} [api]
 * @property {string} [token]  the site's address that says who the visitor is, and gives their token
 * @property {() => (() => string|null|Promise<string|null>)|undefined} ownToken  in its place
 * @property {string} [session]
 * @property {string} [user]
 * @property {string} [name]
 * @property {string} [tenant]
 *
 * @typedef {Object} Talk  what there is to show
 * @property {readonly import("../state.js").Message[]} messages
 * @property {readonly import("./unsent.js").Unsent[]} unsent
 * @property {readonly import("../people.js").Person[]} people
 * @property {?import("../typists.js").Typing} writer  who was the last to begin
 * @property {number} total  agents in the session
 * @property {import("../connection.js").ConnectionState} connection
 * @property {string} availability  where no agent is in the session
 * @property {string} [me]
 * @property {boolean} asksName
 * @property {number} unread
 * @property {string} draft
 * @property {boolean} isOpen  the panel
 */

/**
 * @param {Options} options
 * @param {(talk: Talk) => void} show  after each change
 */
export function converse(options, show) {
  const { url, api: apiUrl, token } = options;
  /** @type {ReturnType<typeof kept<import("./identity.js").Identity>>} */
  const visitor = kept(`hadir ${url}`, ["localStorage", "sessionStorage"]);
  /** @type {ReturnType<typeof kept<{who: string} & Pick<Talk, "unsent"|"draft"|"isOpen">>>} */
  const tab = kept(`hadir tab ${url}`, ["sessionStorage"]);
  const calm = timer(globalThis);
  const asking = timer(globalThis);
  const leaving = new AbortController();
  /** @type {Speaker|undefined} */
  let client;
  let isBeginning = false;
  let hasHistory = !apiUrl;
  /** @type {Talk} */
  const talk = {
    ...{ messages: [], unsent: [], people: [], writer: null, total: 0, connection: "closed" },
    ...{ availability: "", asksName: false, unread: 0, draft: "", isOpen: false },
  };

  const changed = () => {
    const { messages, unsent, me } = talk;
    talk.unread = unreadOf(messages, visitor.read().read, me);
    if (talk.unread && talk.isOpen && document.visibilityState === "visible") {
      const { epoch, version } = messages[messages.length - 1];
      visitor.write({ read: { epoch, version } });
      talk.unread = 0;
    }
    const hasSaid = !!unsent[0] || messages.some((message) => isOf(message, me));
    talk.asksName = hasSaid && (options.name ?? visitor.read().name) === undefined;
    show(talk);
  };
  /** @param {Partial<Talk>} more */
  const change = (more) => {
    Object.assign(talk, more);
    changed();
  };

  /** @param {Talk["unsent"]} unsent  what of it the messages show is kept no more, once it is sent */
  const keep = (unsent) => {
    const rest = notShown(unsent, talk.messages, talk.me);
    unsent = unsent.filter((each) => each.state !== "sent" || rest.includes(each));
    tab.write({ unsent: unsent.filter(({ state }) => state !== "sent") });
    change({ unsent });
  };

  /**
   * What the page before has left; what was another person's is not this one's.
   * @param {string} [who]
   */
  const restore = (who) => {
    const { who: whose = who } = tab.read();
    if (who) tab.write({ who, ...(whose !== who && { unsent: [], draft: "" }) });
    const { unsent = [], draft = "" } = tab.read();
    Object.assign(talk, { unsent, draft });
    for (const { state, clientId, text, triedAt } of talk.unsent) {
      if (state === "failed" || client?.part.own.queue().some((each) => each.clientId === clientId)) continue;
      client?.part.own.add(text, clientId, triedAt);
    }
  };

  /** @param {readonly any[]} events */
  const add = (events) => {
    talk.messages = addMessages(talk.messages, events);
    keep(talk.unsent);
  };

  /** What was said before a version. @param {number} before */
  const lookBack = async (before) => {
    if (!client) return;
    const answer = await ask(client.options, `events?limit=200&before=${before}`);
    add((await answer.json()).events);
  };

  /** Whether somebody would answer, where nobody is in the session. */
  const askAvailability = async () => {
    if (!apiUrl || agentsOf(talk.people).length) return;
    const tenant = options.tenant ? `?tenant=${encodeURIComponent(options.tenant)}` : "";
    const answer = fetch(`${apiUrl.replace(/\/+$/, "")}/api/availability${tenant}`);
    const { agents } = await answer.then((it) => it.json()).catch(() => ({}));
    change({ availability: agents });
  };

  const sayWhere = () => {
    const name = cut(options.name ?? visitor.read().name ?? "", LONGEST_NAME);
    const page = cut(location.pathname + location.search, LONGEST_PAGE);
    client?.part.mine.set({ page, ...(name && { name }) });
  };

  /**
   * @returns {Promise<?{sessionId: string, userId: string, token?: string}>}  null: there is no token
   * @throws {Error} the site's address does not say
   */
  const askWho = async () => {
    if (token) {
      const answer = await fetch(token);
      if (answer.status === 401) return null;
      if (!answer.ok) throw new Error(`${token} answers ${answer.status}`);
      return answer.json();
    }
    const known = identityOf(visitor.read(), Date.now(), newSecret);
    visitor.write(known);
    const { session, user } = /** @type {{session: string, user: string}} */ ({ ...known, ...options });
    return { sessionId: session, userId: user };
  };

  /** @param {import("../connection.js").ConnectionState} connection */
  const showConnection = (connection) =>
    calm(/ing$/.test(connection) ? CALM_MS : 0, () => change({ connection }));

  /** @param {{sessionId: string, userId: string, token?: string}} who */
  const connect = ({ sessionId, userId, token: first }) => {
    const who = `${sessionId} ${userId}`;
    const isOther = (visitor.read().who ?? who) !== who;
    visitor.write({ ...(isOther && { name: undefined, read: undefined }), who, at: Date.now() });
    talk.me = userId;
    const getToken = async () => {
      const given = first ?? (await askWho())?.token ?? null;
      first = undefined; // the one that came with the ids is as good as another, once
      return given;
    };
    const chat = new Speaker({
      ...{ url, apiUrl, sessionId, userId, userType: "customer" },
      getToken: options.ownToken() ?? (token ? getToken : undefined),
    });
    client = chat;
    chat.on("connection", showConnection);
    chat.on("message", (message) => add([message]));
    chat.on("gap", ({ to }) => lookBack(to + 1).catch(() => {}));
    chat.on("people", (people) => {
      const hadAgents = agentsOf(talk.people).length;
      change({ people });
      if (hadAgents) askAvailability();
    });
    chat.on("state", ({ status }) => {
      change({ total: status?.total_agent ?? 0 });
      if (hasHistory) return;
      hasHistory = true;
      lookBack(LAST_VERSION).catch(() => (hasHistory = false)); // the next event tries again
    });
    chat.on("typing", (data) => {
      if (data.on || data.user_id === talk.writer?.user_id) change({ writer: data.on ? data : null });
    });
    chat.on("delivery", (delivery) => keep(afterDelivery(talk.unsent, delivery, Date.now())));
    sayWhere();
    chat.start();
    restore(who);
    changed();
  };

  const begin = () => {
    if (client?.connection === "unauthorized") client.start();
    if (client || isBeginning) return;
    isBeginning = true;
    showConnection(navigator.onLine ? "connecting" : "offline");
    askWho()
      .then((who) => leaving.signal.aborted || (who ? connect(who) : showConnection("unauthorized")))
      .catch((error) => {
        console.warn("<hadir-chat>:", error);
        asking(ASK_AGAIN_MS, begin);
      })
      .finally(() => (isBeginning = false));
  };

  /** @param {EventTarget} target @param {string} type @param {(event: any) => void} listener */
  const on = (target, type, listener) =>
    target?.addEventListener(type, listener, { signal: leaving.signal });
  on(globalThis, "pagehide", () => client && visitor.write({ at: Date.now() }));
  on(globalThis, "popstate", sayWhere);
  on(/** @type {any} */ (globalThis).navigation, "navigatesuccess", sayWhere);
  on(globalThis, "storage", changed);
  on(document, "visibilitychange", changed);
  // The pages that were shown meanwhile have gone on with what this one had left.
  on(globalThis, "pageshow", ({ persisted }) => {
    if (!persisted) return;
    restore();
    tab.write({ isOpen: talk.isOpen });
    changed();
  });
  restore();

  return {
    /** Connect, unless it is already. */
    begin,

    /** Whether the visitor has opened the chat before, on this site and not too long ago. */
    hasBegun: () => !!identityOf(visitor.read(), Date.now(), newSecret).who,

    /** Whether the page before has left the panel open. */
    wasOpen: () => !!tab.read().isOpen,

    /** @param {string} text  to be sent, at the latest by the next page */
    send(text) {
      const clientId = newId();
      const at = Date.now();
      visitor.write({ at });
      this.write("");
      const after = client?.state.version ?? 0;
      keep([...talk.unsent, { clientId, text, state: "waiting", at, after }]);
      client?.part.own.add(text, clientId);
      client?.part.others.said();
    },

    /** @param {string} clientId  of a message that was not sent */
    retry(clientId) {
      const failed = talk.unsent.find((each) => each.clientId === clientId);
      talk.unsent = talk.unsent.filter((each) => each !== failed);
      if (failed) this.send(failed.text);
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
      sayWhere();
      changed();
    },

    /** @param {boolean} isOpen */
    turn(isOpen) {
      tab.write({ isOpen });
      change({ isOpen });
      if (isOpen) askAvailability();
    },

    stop() {
      leaving.abort();
      calm();
      asking();
      client?.close();
    },
  };
}
