/** Hadir's front page: a shop and its support team's desk, side by side. */

import { framesOf, shownAddress } from "./frames.js";
import { journey } from "./journey.js";

const addresses = framesOf(new URL(location.href));

/**
 * @template {HTMLElement} T
 * @param {string} selector
 * @returns {T}
 */
const find = (selector) => /** @type {T} */ (document.querySelector(selector));

const view = find("#shop-view");
const closed = find("#closed");
const line = find("#shop-address");
/** @type {HTMLButtonElement} */
const back = find("#back");
/** @type {HTMLButtonElement} */
const reload = find("#reload");
/** @type {HTMLButtonElement} */
const close = find("#close");
/** @type {HTMLButtonElement} */
const reopen = find("#reopen");

/** The customer's tab; null once it is closed. @type {?HTMLIFrameElement} */
let tab = null;
let been = journey();

const shop = () => /** @type {Window} */ (tab?.contentWindow);

function show() {
  back.disabled = !tab || !been.canGoBack();
  reload.disabled = close.disabled = !tab;
  closed.hidden = !!tab;
}

function openTab() {
  tab = document.createElement("iframe");
  tab.title = "The shop, as its customer sees it";
  tab.src = addresses.shop;
  tab.addEventListener("load", () => {
    been.arrive(shop().location.href);
    line.textContent = shownAddress(shop().location);
    show();
  });
  view.append(tab);
  show();
}

back.addEventListener("click", () => shop().location.replace(been.back()));
reload.addEventListener("click", () => shop().location.reload());
close.addEventListener("click", () => {
  tab?.remove();
  tab = null;
  been = journey();
  line.textContent = "";
  show();
  reopen.focus();
});
reopen.addEventListener("click", () => {
  openTab();
  close.focus();
});

/** On a small screen there is room for one of the two. @type {NodeListOf<HTMLButtonElement>} */
const choices = document.querySelectorAll("[data-show]");
for (const choice of choices) {
  choice.addEventListener("click", () => {
    find("main").dataset.shown = choice.dataset.show;
    for (const each of choices) each.setAttribute("aria-pressed", `${each === choice}`);
  });
}

for (const name of /** @type {const} */ (["shop", "desk"])) {
  /** @type {HTMLAnchorElement} */
  const link = find(`#${name}-link`);
  link.href = addresses[name];
}
/** @type {HTMLIFrameElement} */
const desk = find("#desk-view iframe");
desk.src = addresses.desk;
find("#desk-address").textContent = shownAddress(new URL(addresses.desk, location.href));
openTab();
