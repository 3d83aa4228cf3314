/** Who has a session: what a console asks for, one question after the other, until it is answered. */

import { timer } from "./environment.js";

/** After so long it is asked again, which is safe, and at last given up. */
const ANSWER_MS = 10_000;
const MOST_TRIES = 3;
/** How long a question waits for a socket: whoever asked looks at the page, and is to know. */
const OFFLINE_MS = 10_000;
/** What the names of questions begin with. */
const NAME = "assign-";

/** @typedef {import("./feed-state.js").Holder} Holder */

/** A session was not assigned. */
export class AssignmentError extends Error {
  /**
   * @param {string} code  `conflict`: somebody else has it; another of the server's; `offline`: it was
   *   not asked for, as there was no socket for 10 s; `unanswered`, `closed`: it may be assigned all the
   *   same
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
 * There is one question at a time, so that the last to be asked for is the one that holds.
 * @param {import("./environment.js").Environment} environment
 * @param {(message: Object) => boolean} send  whether it could be handed to an open socket
 */
export function assigning(environment, send) {
  const [answer, socket] = [timer(environment), timer(environment)];
  let isWaiting = false;
  let last = 0;
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
    if (!send(question.message)) return wait();
    stopWaiting();
    question.tries += 1;
    answer(ANSWER_MS, proceed);
  };

  /** For a socket, but not for ever. */
  const wait = () => {
    if (isWaiting || !queue.length) return;
    isWaiting = true;
    socket(OFFLINE_MS, giveUp);
  };

  const stopWaiting = () => {
    isWaiting = false;
    socket();
  };

  const giveUp = () => {
    stopWaiting();
    for (const { tries, reject } of queue.splice(0)) {
      const message = "there is no connection";
      reject(new AssignmentError(tries ? "unanswered" : "offline", message));
    }
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
        const named = { ...message, client_id: `${NAME}${(last += 1)}` };
        queue.push({ message: named, tries: 0, resolve, reject });
        if (queue.length === 1) proceed();
      });
    },

    /** There is a new socket. */
    opened: proceed,

    lost() {
      answer();
      wait();
    },

    /** @param {any} data  of an `assignment` that came by itself */
    told(data) {
      const [question] = queue;
      if (!question?.tries) return;
      const isAnswer = data.client_id ? data.client_id === question.message.client_id : isSame(data, question.message);
      if (!isAnswer) return;
      queue.shift();
      question.resolve(data.assignment);
      proceed();
    },

    /**
     * @param {any} error  of the server
     * @returns {boolean} whether it is the answer to a question
     */
    refused({ client_id, code, message, assigned }) {
      const [question] = queue;
      // Without a name it is of something else, but for what only an older server leaves without.
      const isAnswer = client_id ? client_id === question?.message.client_id : code === "conflict" && !!question?.tries;
      if (isAnswer) fail(code, message, assigned);
      return isAnswer || !!client_id?.startsWith(NAME);
    },

    /** Nobody will answer any more. */
    closed() {
      answer();
      stopWaiting();
      for (const { reject } of queue.splice(0)) reject(new AssignmentError("closed", "the console is closed"));
    },
  };
}

/**
 * Whether everyone is told what was asked for: an older server names no questions. Who takes a session
 * for themselves waits for the answer by name, as the token alone says who that is.
 * @param {any} data  of an `assignment`
 * @param {Record<string, any>} message
 */
function isSame({ session_id, version, assignment }, { session_id: wanted, user_id, user_type }) {
  if (session_id !== wanted || (assignment?.gone && version)) return false;
  if ((assignment?.user_id ?? null) !== user_id) return false;
  return !user_type || !assignment || assignment.user_type === user_type;
}
