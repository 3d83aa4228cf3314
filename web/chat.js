/**
 * A client that also speaks: messages in the order they were said, who is writing, what was before.
 *
 *   import { HadirChat } from "./chat.js";
 *   const chat = new HadirChat({ url, sessionId, userId, userType: "customer" });
 *   chat.on("message", (message) => append(message));
 *   chat.on("delivery", (delivery) => mark(delivery));
 *   chat.start();
 *   chat.send("Hello");
 */

import { HadirClient } from "./hadir.js";
import { newId } from "./outbox.js";
import { eventsBefore, LAST_VERSION } from "./rest.js";
import { speaking } from "./speaking.js";
import { checkState, stateOfMine } from "./state-of-mine.js";

/**
 * @typedef {import("./speaking.js").Given} Given
 * @typedef {import("./outbox.js").Delivery} Delivery
 * @typedef {import("./state.js").Update} Update
 * @typedef {import("./state.js").Message} Message
 */

const LONGEST_TEXT = 4_000;

/** A HadirClient that can say something. */
export class HadirChat extends HadirClient {
  /** @protected @param {Given} given */
  static speak = (...given) => speaking(...given, stateOfMine);

  #part = /** @type {ReturnType<typeof speaking>} */ (this._session.part);

  /** Messages that were said here and are not yet told, oldest first. @returns {readonly Delivery[]} */
  get outbox() {
    return this.#part.own.queue();
  }

  /**
   * Say something to everybody in the session. Without a socket it waits for one; and for the message
   * before it, so that everybody reads them in this order. What becomes of it: `delivery`.
   * Where an earlier page has said it and does not know whether it arrived: under the same `clientId`
   * the server takes it once, for 10 min; so it fails 9 min after `triedAt`.
   * @param {string} text  1 to 4,000 characters
   * @param {string} [clientId]  of that earlier delivery
   * @param {number} [triedAt]  when it was first `sending`, milliseconds since the Unix epoch
   * @returns {Delivery}
   * @throws {TypeError} the text is none
   */
  send(text, clientId = newId(), triedAt) {
    if (typeof text !== "string" || !text || [...text].length > LONGEST_TEXT) {
      throw new TypeError(`a message is a text of 1 to ${LONGEST_TEXT} characters`);
    }
    this.#part.own.add(text, clientId, triedAt);
    this.#part.others.said();
    return /** @type {Delivery} */ (this.outbox.find((each) => each.clientId === clientId));
  }

  /**
   * This person is writing; to be called at each key. It ends after 6 s, and with a message.
   * @param {boolean} [on]
   */
  typing(on = true) {
    this.#part.others.say(on);
  }

  /**
   * Show everyone something of this person: where they are, what is in their cart. It replaces what was
   * shown before, and is said again on each new socket. While the page is hidden for more than 60 s,
   * `away: true` is added (unless the option `away` is false).
   * @param {import("./state.js").PersonState} state  at most 32 fields and 1,024 bytes, with `away: true`;
   *   `{}`: nothing
   * @throws {TypeError} it is not what the server takes
   * @throws {RangeError} it is too large
   */
  setState(state) {
    checkState(state, this._session.options.away);
    this.#part.mine.set(state);
  }

  /**
   * Put somebody out (admins). What becomes of it is an `update`, or an `error`.
   * @param {string} userId
   * @param {string} [reason]  told to whoever is put out
   * @param {import("./state.js").UserType} [userType]  which of two people with the same id is meant
   * @throws {Error} there is no open socket
   */
  kick(userId, reason, userType) {
    const message = { action: "kick", user_id: userId, user_type: userType, reason };
    if (!this._session.send(message)) {
      throw new Error("not connected: nobody can be put out now");
    }
  }

  /**
   * What happened before an event, oldest first, from the REST API: joins, leaves, messages.
   * @param {{before?: number, limit?: number}} [where]  `before`: a version, by default of what comes
   *   next; `limit`: at most 200
   * @returns {Promise<(Update|Message)[]>}  without a status
   * @throws {Error} there is no `apiUrl`, or the API refuses; the message says which
   */
  async history({ before = (this.state.version || LAST_VERSION - 1) + 1, limit } = {}) {
    return eventsBefore(this._session.options, { before, limit });
  }
}
