/** The demo: one person a tab, connected from the start. */

import { HadirChat } from "./chat.js";
import { showAlert } from "./demo/alert.js";
import { showFeed } from "./demo/feed.js";
import { showImpossible, showOwn } from "./demo/own.js";
import { showPeople } from "./demo/people.js";
import { voice } from "./demo/voice.js";
import { addressOf, sessionId, url, whoAmI } from "./demo/who.js";

const LINKS = { customer: ["demo.html", "customer"], next: ["next.html"], back: ["demo.html"] };
const ROLES = { admin: "You are the agent", customer: "You are a customer" };
const TITLES = { admin: "Agent · Hadir", customer: "Customer · Hadir" };

document.querySelector("#session").textContent = sessionId;
const me = await whoAmI();
for (const [id, [page, type]] of Object.entries(LINKS)) {
  const link = /** @type {?HTMLAnchorElement} */ (document.querySelector(`#${id}`));
  if (link) link.href = addressOf(page, type ?? me.type);
}
const role = document.querySelector("#role");
if (role) {
  role.textContent = ROLES[me.type];
  document.title = TITLES[me.type];
}
for (const part of document.querySelectorAll(`[data-for="${me.type}"]`)) part.hidden = false;

const say = voice(document.querySelector("#voice"));
try {
  const client = new HadirChat({
    url,
    sessionId,
    userId: me.id,
    userType: me.type,
    apiUrl: location.origin,
    ...(me.token ? { getToken: () => me.token } : {}),
  });
  showOwn(client, say);
  const fail = showFeed(client, me, say);
  showPeople(client, me, ({ message }) => fail(message));
  showAlert(client, me, say);
  client.start();
} catch (error) {
  showImpossible(error);
}
