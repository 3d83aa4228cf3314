/** One's own connection: how it is, why, and the button to leave or to come back. */

import { connectionWords } from "../desk/words.js";
import { element } from "./element.js";
import { shape } from "./shapes.js";

const STOPPED = ["closed", "kicked", "unauthorized", "unsupported"];

/**
 * There is no client: the address of this page names none that could be.
 * @param {Error} error
 */
export function showImpossible(error) {
  const state = element("p", "state", shape("unsupported"), "Cannot connect");
  const why = document.querySelector("#why");
  state.dataset.connection = "unsupported";
  document.querySelector("#own").append(state);
  why.textContent = error.message;
  why.hidden = false;
}

/**
 * @param {import("../chat.js").HadirChat} client
 * @param {(text: string) => void} say
 */
export function showOwn(client, say) {
  const state = element("p", "state");
  const button = element("button");
  const why = document.querySelector("#why");
  document.querySelector("#own").append(state, button);
  let closing = null;
  let wasOpen = false;
  let hasBeenOpen = false;

  function show() {
    const { connection, error } = client;
    const words = connectionWords(connection, { error, closing });
    state.replaceChildren(shape(connection), words.text);
    state.dataset.connection = connection;
    why.textContent = words.why;
    why.hidden = !words.why;
    const isStopped = STOPPED.includes(connection);
    button.textContent = isStopped ? "Come back" : "Leave";
    button.className = isStopped ? "primary" : "";
    return words;
  }

  /** A connection that is lost is told once, whatever becomes of it. */
  function tell(words) {
    const isOpen = client.connection === "open";
    const isFinal = STOPPED.includes(client.connection);
    if (isFinal && words.why) say(`${words.text}: ${words.why}`);
    else if (isFinal || wasOpen) say(words.text);
    else if (isOpen && hasBeenOpen) say("Connected again");
    wasOpen = isOpen;
    hasBeenOpen ||= isOpen;
  }

  button.addEventListener("click", () => {
    if (STOPPED.includes(client.connection)) client.start();
    else client.close();
  });
  client.on("closing", (data) => (closing = data));
  client.on("connection", () => tell(show()));
  client.on("error", show);
  show();
}
