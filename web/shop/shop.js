/** The demo shop: its chat, and links that keep what the address says. */

import { carriedOn, customerOf, socketsOf } from "./where.js";

/** Who the shop knows them to be, as one that has a login does: the desk calls them so. */
const NAME = "Kirana";

const page = new URL(location.href);
for (const link of document.querySelectorAll("a")) link.href = carriedOn(link.href, page);

/** @type {HTMLElement & { getToken?: () => string }} */
const chat = document.createElement("hadir-chat");
const customer = customerOf(page);
chat.setAttribute("start", "load");
chat.setAttribute("url", socketsOf(page));
chat.setAttribute("api", page.origin);
chat.setAttribute("name", NAME);
if (customer) {
  chat.setAttribute("session", customer.session);
  chat.setAttribute("user", customer.user);
  chat.getToken = () => customer.token;
}
document.body.append(chat);
