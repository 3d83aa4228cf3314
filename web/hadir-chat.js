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
import { converse } from "./widget/talk.js";
import { languageOf, textsOf } from "./widget/texts.js";

/** On a server there are no elements, and importing this must not fail. */
const Base = globalThis.HTMLElement ?? /** @type {typeof HTMLElement} */ (class {});

/** The element `<hadir-chat>`. */
export class HadirChatElement extends Base {
  /** @type {ReturnType<typeof converse>|undefined} */
  #talk;
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
    this.#talk?.begin();
    this.#panel?.open(true);
    this.#talk?.turn(true);
  }

  /** Close the panel. The conversation goes on. */
  close() {
    this.#panel?.close();
    this.#talk?.turn(false);
  }

  connectedCallback() {
    try {
      this.#start();
    } catch (error) {
      console.error("<hadir-chat>:", error);
    }
  }

  disconnectedCallback() {
    this.#talk?.stop();
    this.shadowRoot?.replaceChildren();
    this.#talk = this.#panel = undefined;
  }

  #start() {
    /** @type {Record<string, any>} */
    const given = { ownToken: () => this.getToken };
    for (const { name, value } of this.attributes) given[name] = value;
    const { url, session = "-", user = "-" } = given;
    socketAddress({ url, sessionId: session, userId: user, userType: "customer" });
    const lang = languageOf([this.lang, this.closest("[lang]")?.getAttribute("lang")]);
    const say = textsOf(lang, (key) => given[`text-${key}`]);
    const talk = converse(/** @type {any} */ (given), (state) => panel.show(state));
    const panel = panelOf(say, lang, {
      ...{ send: (text) => talk.send(text), retry: (key) => talk.retry(key) },
      ...{ write: talk.write, rename: talk.rename, open: () => this.open(), close: () => this.close() },
    });
    this.#talk = talk;
    this.#panel = panel;
    this.shadowRoot?.append(...panel.elements);
    const isOpen = talk.wasOpen() && panel.open(false);
    talk.turn(isOpen);
    // Not before the page's own scripts have run: one may give `getToken`.
    const ready = () => {
      if (isOpen || talk.hasBegun() || given.start === "load") talk.begin();
    };
    if (document.readyState === "complete") ready();
    else for (const type of ["DOMContentLoaded", "load"]) addEventListener(type, ready, { once: true });
  }
}

const elements = globalThis.customElements;
if (elements && !elements.get("hadir-chat")) elements.define("hadir-chat", HadirChatElement);
