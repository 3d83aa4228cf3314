/** What a screen reader says, each thing once: all of it goes through one region. */

import { element } from "./element.js";

const KEPT_MS = 10_000;

/** @param {HTMLElement} root  a live region */
export function voice(root) {
  return (/** @type {string} */ text) => {
    const said = element("p", "", text);
    root.append(said);
    // So that nobody who reads on comes across old news.
    setTimeout(() => said.remove(), KEPT_MS);
  };
}
