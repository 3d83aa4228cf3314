/** Who has a session: what a console asks for, one question after the other, until it is answered. */

import { timer } from "./environment.js";

/** After so long it is asked again, which is safe, and at last given up. */
const ANSWER_MS = 10_000;
const MOST_TRIES = 3;

/** @typedef {import("./feed-state.js").Holder} Holder */

/** A session was not assigned. */
export class AssignmentError extends Error {
  /**
   * @param {string} code  `conflict`: somebody else has it; another of the server's; `unanswered`,
   *   `closed`: it may be assigned all the same
   * @param {string} message
   * @param {?Holder} [assigned]  of a `conflict`, who has it; null: nobody
   */
  constructor(code, message, assigned) {
    super(message);
    this.code = code;
    this.assigned = assigned;
  }
}

/**
 * The server's refusals do not name the session, so there is one question at a time.
 * @param {import("./environment.js").Environment} environment
 * @param {(message: Object) => boolean} send  whether it could be handed to an open socket
 */
export function assigning(environment, send) {
  const answer = timer(environment);
  /**
   * @typedef {Object} Question
   * @property {Record<string, any>} message
   * @property {number} tries
   * @property {(holder: ?Holder) => void} resolve
   * @property {(error: AssignmentError) => void} reject
   */
  /** @type {Question[]} */
  let queue = [];

  const proceed = () => {
    answer();
    const [question] = queue;
    if (!question) return;
    if (question.tries >= MOST_TRIES) return fail("unanswered", "the server does not answer");
    if (!send(question.message)) return;
    question.tries += 1;
    answer(ANSWER_MS, proceed);
  };

  /** @param {string} code @param {string} message @param {?Holder} [assigned] */
  const fail = (code, message, assigned) => {
    const question = queue.shift();
    question?.reject(new AssignmentError(code, message, assigned));
    proceed();
  };

  return {
    /**
     * @param {Record<string, any>} message
     * @returns {Promise<?Holder>}
     */
    ask(message) {
      return new Promise((resolve, reject) => {
        queue.push({ message, tries: 0, resolve, reject });
        if (queue.length === 1) proceed();
      });
    },

    /** There is a new socket. */
    opened: proceed,

    lost: () => answer(),

    /** @param {any} data  of an `assignment` that came by itself */
    told({ session_id, version, assignment }) {
      const [question] = queue;
      if (!question?.tries || (assignment?.gone && version)) return; // nobody has asked for that
      const { session_id: wanted, user_id, user_type } = question.message;
      if (session_id !== wanted || (assignment?.user_id ?? null) !== user_id) return;
      if (user_type && assignment && assignment.user_type !== user_type) return;
      queue.shift();
      question.resolve(assignment);
      proceed();
    },

    /**
     * @param {any} error  of the server
     * @returns {boolean} whether it is the answer to a question
     */
    refused({ code, message, assigned }) {
      if (!queue[0]?.tries) return false;
      fail(code, message, assigned);
      return true;
    },

    /** Nobody will answer any more. */
    closed() {
      answer();
      for (const { reject } of queue.splice(0)) reject(new AssignmentError("closed", "the console is closed"));
    },
  };
}
