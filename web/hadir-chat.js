/**
 * A chat to paste into a site:
 *
 *   <script type="module" src="/hadir/hadir-chat.js"></script>
 *   <hadir-chat url="wss://…/live" api="https://…" token="/hadir-token"></hadir-chat>
 *
 * docs/integrate.md, "A chat widget to paste", names its attributes.
 */

import { socketAddress } from "./options.js";
import { panelOf } from "./widget/panel.js";
import { css } from "./widget/style.js";
import { languageOf, textsOf } from "./widget/texts.js";

/** On a server there are no elements, and importing this must not fail. */
const Base = globalThis.HTMLElement ?? /** @type {typeof HTMLElement} */ (class {});

/** The element `<hadir-chat>`. */
export class HadirChatElement extends Base {
  /** @type {ReturnType<typeof panelOf>|undefined} */
  #panel;

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
    /**
     * Asks your backend for a token, in place of the attribute `token`. To be set before the page is
     * loaded; perhaps before this module is.
     * @type {(() => string|null|Promise<string|null>)|undefined}
     */
    this.getToken = /** @type {any} */ (this).getToken;
  }

  /** Open the panel, and connect. */
  open() {
    this.#panel?.open(true);
  }

  /** Close the panel. The conversation goes on. */
  close() {
    this.#panel?.close();
  }

  disconnectedCallback() {
    this.#panel?.talk.stop();
    this.shadowRoot?.replaceChildren();
    this.#panel = undefined;
  }

  connectedCallback() {
    /** @type {Record<string, any>} */
    const given = { ownToken: () => this.getToken };
    for (const { name, value } of this.attributes) given[name] = value;
    const { url, session = "-", user = "-" } = given;
    try {
      socketAddress({ url, sessionId: session, userId: user, userType: "customer" });
    } catch (error) {
      return console.error(error);
    }
    const lang = languageOf(/** @type {?HTMLElement} */ (this.closest("[lang]"))?.lang);
    const panel = panelOf(/** @type {any} */ (given), textsOf(lang, given), lang);
    const { elements, open, talk } = panel;
    this.#panel = panel;
    this.shadowRoot?.append(...elements);
    const wasOpen = talk.wasOpen();
    talk.turn(false);
    if (wasOpen) open(false);
    // Not before the page's own scripts have run: one may give `getToken`.
    const ready = () => {
      if (wasOpen || talk.hasBegun() || given.start === "load") talk.begin();
    };
    if (document.readyState === "complete") ready();
    else for (const type of ["DOMContentLoaded", "load"]) addEventListener(type, ready, { once: true });
  }
}

globalThis.customElements?.define("hadir-chat", HadirChatElement);
