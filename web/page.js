/** The demo page: a customer's and an admin's panel on one session, each on a socket of its own. */

import { HadirClient } from "./hadir.js";
import { customerHasLeft, needsAgent, notification } from "./notices.js";

const POLL_MS = 1000;
const FEED_LENGTH = 6;
const parameters = new URLSearchParams(location.search);
/** After the `#`, which browsers send to nobody. */
const tokens = new URLSearchParams(location.hash.slice(1));
const ID = /^[A-Za-z0-9_.:@-]{1,128}$/;
const given = parameters.get("session");
const sessionId = given && ID.test(given) ? given : newSession();
// Where the page is hosted, sockets have its address (docs/operate.md); else the local gateway's.
const nearby =
  location.protocol === "https:" ? `wss://${location.host}/ws/` : `ws://${location.hostname}:8081/local`;
const url = parameters.get("ws") ?? nearby;

/** Keep the session in the address, so that it can be opened in another tab. */
function newSession() {
  const id = `demo-${Math.random().toString(36).slice(2, 10)}`;
  parameters.set("session", id);
  history.replaceState(null, "", `?${parameters}${location.hash}`);
  return id;
}

/** One person's panel: their socket, who they see, what they were told. */
class Panel {
  constructor(root) {
    this.root = root;
    this.connected = false;
    const { user: userId, type: userType } = root.dataset;
    this.token = tokens.get(`${userType}_token`);
    const getToken = this.token ? () => this.token : undefined;
    this.client = new HadirClient({ url, sessionId, userId, userType, getToken });
    this.client.addEventListener("connection", ({ detail }) => this.showConnection(detail));
    this.client.addEventListener("state", ({ detail }) => this.showStatus(detail.status));
    this.button = root.querySelector(".toggle");
    this.button.addEventListener("click", () => this.toggle());
  }

  toggle() {
    this.connected = !this.connected;
    this.button.textContent = this.connected ? "Leave" : "Connect";
    if (this.connected) {
      this.client.start();
    } else {
      this.client.close();
      this.showStatus(null);
    }
  }

  showConnection(connection) {
    const lost = connection === "closed" && this.connected;
    const pill = this.root.querySelector(".pill");
    pill.textContent = lost ? "reconnecting" : connection;
    pill.dataset.connection = lost ? "connecting" : connection;
    this.root.querySelector(".people").classList.toggle("stale", connection !== "open");
  }

  showStatus(status) {
    const people = Object.entries(status?.users ?? {}).map(([id, user]) => {
      const item = element("li", id, user.user_type);
      item.append(element("small", user.user_type));
      return item;
    });
    const nobody = element("li", this.connected ? "Nobody yet" : "Not in the session", "nobody");
    this.root.querySelector(".people").replaceChildren(...(people.length ? people : [nobody]));
  }

  tell(text, kind) {
    const feed = this.root.querySelector(".feed");
    const item = element("li", text, kind);
    item.prepend(element("time", new Date().toLocaleTimeString()));
    feed.prepend(item);
    while (feed.children.length > FEED_LENGTH) feed.lastChild.remove();
  }
}

/** The customer sees who is there. */
class CustomerPanel extends Panel {
  constructor(root) {
    super(root);
    this.client.addEventListener("update", ({ detail }) => {
      this.tell(notification(detail), detail.event_type);
    });
  }
}

/** The admin is told who comes and goes, alerted when the customer is gone, and asked to step in. */
class AdminPanel extends Panel {
  #before = null;

  constructor(root) {
    super(root);
    this.alert = root.querySelector(".alert");
    this.prompt = root.querySelector(".prompt");
    this.prompt.querySelector("button").addEventListener("click", () => {
      this.toggle();
      this.button.focus();
    });
    this.client.addEventListener("update", ({ detail }) => {
      this.tell(notification(detail), detail.event_type);
    });
    this.client.addEventListener("state", ({ detail: { status } }) => {
      if (customerHasLeft(this.#before, status)) this.alert.hidden = false;
      if (status.customer_connected) this.alert.hidden = true;
      this.#before = status;
    });
    setInterval(() => this.lookIn(), POLL_MS);
  }

  toggle() {
    super.toggle();
    this.#before = null;
    this.alert.hidden = true;
    this.prompt.hidden = true;
  }

  /** From outside, the session's status comes by REST. */
  async lookIn() {
    if (this.connected) return;
    const address = `/api/session/${sessionId}/connection-status`;
    const headers = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    const status = await fetch(address, { headers })
      .then((answer) => (answer.ok ? answer.json() : null), () => null);
    if (!this.connected) this.prompt.hidden = !needsAgent(status);
  }
}

function element(name, text, kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = kind;
  return made;
}

document.querySelector("#session").textContent = sessionId;
document.querySelector("#another").href = `?${parameters}`;
for (const root of document.querySelectorAll(".panel")) {
  const panel = root.dataset.type === "admin" ? new AdminPanel(root) : new CustomerPanel(root);
  panel.showStatus(null);
}
