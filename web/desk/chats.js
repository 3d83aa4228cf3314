/**
 * The sessions that an agent is in: those they have, while a customer is there, and the one in which they
 * write. Whoever only looks is in none, and nobody sees them.
 */

import { HadirChat } from "../chat.js";
import { FINAL_STATES } from "../connection.js";

/**
 * @typedef {import("../outbox.js").Delivery} Delivery
 * @typedef {import("../state.js").Message} Message
 *
 * @typedef {Object} Visit  being in a session
 * @property {?HadirChat} chat  null: it has ended for good
 * @property {Delivery[]} failed  what could not be said
 * @property {Map<string, string>} writing  who writes
 * @property {string} trouble  why it has ended; empty where it has not
 */

export class Chats {
  /** @type {Map<string, Visit>} */
  #visits = new Map();
  #options;
  #on;

  /**
   * @param {Omit<import("../hadir.js").HadirOptions, "sessionId">} options
   * @param {{change: () => void, message: (sessionId: string, message: Message) => void}} on  `change`:
   *   somebody writes, a message was sent, refused or waits; `message`: one was said
   */
  constructor(options, on) {
    this.#options = options;
    this.#on = on;
  }

  /**
   * Enter a session. One that has put the agent out is entered again only where they write.
   * @param {string} sessionId
   */
  join(sessionId) {
    const visit = this.#visits.get(sessionId);
    if (!visit?.chat && !visit?.trouble) this.#enter(sessionId, visit?.failed ?? []);
  }

  /** @param {string} sessionId @param {string} text */
  say(sessionId, text) {
    const visit = this.#visits.get(sessionId);
    const chat = visit?.chat ?? this.#enter(sessionId, visit?.failed ?? []);
    chat.send(text);
  }

  /** Say anew what could not be said. @param {string} sessionId @param {string} clientId */
  again(sessionId, clientId) {
    const visit = this.#visits.get(sessionId);
    const delivery = visit?.failed.find((each) => each.clientId === clientId);
    if (!visit || !delivery) return;
    visit.failed = visit.failed.filter((each) => each !== delivery);
    this.say(sessionId, delivery.text);
  }

  /** The agent writes, or has stopped. @param {string} sessionId @param {boolean} isOn */
  typing(sessionId, isOn) {
    this.#visits.get(sessionId)?.chat?.typing(isOn);
  }

  /** Leave a session, unless something that was said there is still on its way. @param {string} sessionId */
  leave(sessionId) {
    const visit = this.#visits.get(sessionId);
    if (!visit || visit.chat?.outbox.length) return;
    visit.chat?.close();
    visit.chat = null;
    visit.writing.clear();
    if (!visit.failed.length) this.#visits.delete(sessionId);
  }

  /** The sessions that the agent is in. */
  get sessions() {
    return [...this.#visits.keys()];
  }

  /**
   * What there is to say of a session: what was said and is not told yet, who writes, what is wrong.
   * @param {string} sessionId
   * @returns {{isIn: boolean, unsent: readonly Delivery[], writing: string[], trouble: string}}
   */
  stateOf(sessionId) {
    const { chat = null, failed = [], writing = new Map(), trouble = "" } = this.#visits.get(sessionId) ?? {};
    return { isIn: !!chat, unsent: [...failed, ...(chat?.outbox ?? [])], writing: [...writing.values()], trouble };
  }

  /** @param {string} sessionId @param {Delivery[]} failed */
  #enter(sessionId, failed) {
    const chat = new HadirChat({ ...this.#options, sessionId });
    /** @type {Visit} */
    const visit = { chat, failed, writing: new Map(), trouble: "" };
    chat.on("delivery", (delivery) => {
      if (delivery.state === "failed") visit.failed = [...visit.failed, delivery];
      this.#on.change();
    });
    chat.on("message", (message) => this.#on.message(sessionId, message));
    chat.on("connection", (state) => {
      if (FINAL_STATES.has(state)) this.#end(visit);
      this.#on.change();
    });
    chat.on("typing", ({ user_type, user_id, on }) => {
      if (on) visit.writing.set(`${user_type}:${user_id}`, user_id ?? user_type);
      else visit.writing.delete(`${user_type}:${user_id}`);
      this.#on.change();
    });
    this.#visits.set(sessionId, visit);
    chat.start();
    return chat;
  }

  /** @param {Visit} visit */
  #end(visit) {
    const error = visit.chat?.error?.message ?? "";
    const lost = (visit.chat?.outbox ?? []).map((each) => ({ ...each, state: /** @type {const} */ ("failed") }));
    visit.failed = [...visit.failed, ...lost];
    visit.trouble = error;
    visit.writing.clear();
    visit.chat = null;
  }
}
