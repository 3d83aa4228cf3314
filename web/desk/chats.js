/**
 * The sessions that an agent is in: those they have, while a customer is there, and those in which they have
 * said something. Whoever only looks is in none, and nobody sees them.
 */

import { HadirChat } from "../chat.js";

export class Chats {
  /** @type {Map<string, HadirChat>} */
  #open = new Map();
  /** Who writes, by session. @type {Map<string, Map<string, string>>} */
  #writing = new Map();
  #options;
  #onChange;

  /**
   * @param {Omit<import("../hadir.js").HadirOptions, "sessionId">} options
   * @param {(sessionId: string) => void} onChange  somebody writes, a message was sent, refused or is lost
   */
  constructor(options, onChange) {
    this.#options = options;
    this.#onChange = onChange;
  }

  /** @param {string} sessionId */
  get(sessionId) {
    return this.#open.get(sessionId) ?? null;
  }

  /** Enter a session. @param {string} sessionId @returns {HadirChat} */
  join(sessionId) {
    const known = this.#open.get(sessionId);
    if (known) return known;
    const chat = new HadirChat({ ...this.#options, sessionId });
    const changed = () => this.#onChange(sessionId);
    chat.on("delivery", changed);
    chat.on("connection", changed);
    chat.on("typing", ({ user_type, user_id, on }) => {
      const writing = this.#writing.get(sessionId) ?? new Map();
      if (on) writing.set(`${user_type}:${user_id}`, user_id ?? user_type);
      else writing.delete(`${user_type}:${user_id}`);
      this.#writing.set(sessionId, writing);
      changed();
    });
    this.#open.set(sessionId, chat);
    chat.start();
    return chat;
  }

  /** @param {string} sessionId */
  leave(sessionId) {
    this.#open.get(sessionId)?.close();
    this.#open.delete(sessionId);
    this.#writing.delete(sessionId);
  }

  /** The sessions that the agent is in. */
  get sessions() {
    return [...this.#open.keys()];
  }

  /** Who writes there now, by id. @param {string} sessionId @returns {string[]} */
  writing(sessionId) {
    return [...(this.#writing.get(sessionId)?.values() ?? [])];
  }
}
