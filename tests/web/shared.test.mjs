/** The clients that the components of one page share. */

import assert from "node:assert/strict";
import { test, describe } from "node:test";
import { FakeBrowser, Session, soon, update } from "./fakes.mjs";
import { HadirChat } from "../../web/chat.js";
import { NOTHING, SharedClients } from "../../web/shared.js";

const config = { url: "wss://x/live", userId: "me", userType: "admin" };

function page() {
  const browser = new FakeBrowser();
  const clients = new SharedClients(browser.environment);
  const use = (sessionId, more = {}) => clients.store({ ...config, ...more }, sessionId).subscribe(() => {});
  return { browser, clients, use };
}

const sessionsOf = (browser) => browser.sockets.map(({ address }) => new URL(address).searchParams.get("session_id"));

describe("one client for one session", () => {
  test("all who use it share its socket", async () => {
    const { browser, use } = page();

    use("a");
    use("a", { getToken: undefined });
    await soon();

    assert.equal(browser.sockets.length, 1);
  });

  test("another configuration has a client of its own, whatever the order of its fields", async () => {
    const { browser, clients, use } = page();

    use("a");
    use("a", { userId: "you" });
    clients.store(Object.fromEntries(Object.entries(config).reverse()), "a").subscribe(() => {});
    await soon();

    assert.equal(browser.sockets.length, 2);
  });

  test("the newest getToken is asked, for its session", async () => {
    const { browser, use } = page();
    const asked = [];
    const tokenFrom = (name) => (sessionId) => {
      asked.push([name, sessionId]);
      return "a.b.c";
    };

    use("s", { getToken: tokenFrom("old") });
    use("s", { getToken: tokenFrom("new") });
    await soon();

    assert.deepEqual(asked, [["new", "s"]]);
    assert.equal(browser.sockets.length, 1);
  });

  test("ten sessions at once start at once", async () => {
    const { browser, use } = page();

    for (let n = 0; n < 10; n += 1) use(`s${n}`);
    await soon();

    assert.equal(browser.sockets.length, 10);
  });

  test("the next ten of a list start at once", async () => {
    const { browser, use } = page();
    const before = [...Array(10).keys()].map((n) => use(`s${n}`));
    await browser.pass(5_000);

    before.forEach((leave) => leave());
    for (let n = 10; n < 20; n += 1) use(`s${n}`);
    await soon();

    assert.equal(browser.sockets.length, 20);
  });
});

test("components that also speak have a client that does", async () => {
  const { browser, clients } = page();
  const store = clients.store({ ...config, Client: HadirChat }, "s");
  store.subscribe(() => {});
  await soon();

  const { client } = store.getSnapshot();
  client.send("Hello");

  assert.ok(client instanceof HadirChat);
  assert.deepEqual(browser.socket.said("message").map(({ text }) => text), ["Hello"]);
});

describe("a client that nobody uses any more", () => {
  test("is closed a second later", async () => {
    const { browser, use } = page();
    const leave = use("a");
    await browser.pass(3_000);

    leave();
    await browser.pass(999);
    assert.equal(browser.openSockets.length, 1);
    await browser.pass(1);

    assert.equal(browser.socket.closedWith, 1000);
    assert.equal(browser.timers, 0);
  });

  test("lives on where it is used again meanwhile", async () => {
    const { browser, use } = page();
    const leave = use("a");
    await browser.pass(3_000);

    leave();
    await browser.pass(500);
    use("a");
    await browser.pass(5_000);

    assert.equal(browser.sockets.length, 1);
    assert.equal(browser.openSockets.length, 1);
  });

  test("was not even started where it was let go in the same turn", async () => {
    const { browser, use } = page();

    use("a")();
    await browser.pass(3_000);

    assert.equal(browser.sockets.length, 0);
  });

  test("counts each of its users once", async () => {
    const { browser, use } = page();
    const leave = use("a");
    use("a");

    leave();
    leave();
    await browser.pass(3_000);

    assert.equal(browser.openSockets.length, 1);
  });

  test("is a new one when it is wanted later", async () => {
    const { browser, use } = page();
    use("a")();
    await browser.pass(3_000);

    use("a");
    await browser.pass(100);

    assert.equal(browser.openSockets.length, 1);
  });
});

describe("switching", () => {
  async function switchThrough(count, everyMs) {
    const { browser, use } = page();
    let leave = () => {};
    for (let n = 0; n < count; n += 1) {
      leave();
      leave = use(`s${n}`);
      await browser.pass(everyMs);
    }
    return browser;
  }

  test("through 20 sessions in a second opens two sockets, the first and the last", async () => {
    const browser = await switchThrough(20, 45);
    await browser.pass(2_000);

    assert.deepEqual(sessionsOf(browser), ["s0", "s19"]);
    assert.equal(browser.sockets[1].madeAt, 1_000);
    assert.equal(browser.openSockets.length, 1);
  });

  test("on and on opens one a second", async () => {
    const browser = await switchThrough(100, 100);

    assert.equal(browser.sockets.length, 11); // at 0 s, at 1 s … at 10 s
  });

  test("is noticed whichever of two components does it first", async () => {
    const { browser, use } = page();
    const leave = [use("a"), use("a")];
    await browser.pass(200);

    leave[0]();
    use("b");
    leave[1]();
    use("b");
    await browser.pass(100);

    assert.deepEqual(sessionsOf(browser), ["a"]);
  });

  test("now and then does not wait", async () => {
    const browser = await switchThrough(3, 1_500);

    assert.deepEqual(browser.sockets.map(({ madeAt }) => madeAt), [0, 1_500, 3_000]);
  });

  test("does not hold up what is added to it", async () => {
    const { browser, use } = page();
    use("a");
    await browser.pass(200);

    use("b");
    await soon();

    assert.equal(browser.sockets.length, 2);
  });

  test("back and forth, as React's StrictMode does, does not hold up anything", async () => {
    const { browser, use } = page();
    use("a")();
    use("a");
    await browser.pass(200);

    use("b");
    await soon();

    assert.deepEqual(sessionsOf(browser), ["a", "b"]);
  });

  test("back to one that still lives needs no socket", async () => {
    const { browser, use } = page();
    const leaveA = use("a");
    await browser.pass(100);
    leaveA();
    const leaveB = use("b");
    await browser.pass(100);

    leaveB();
    use("a");
    await browser.pass(5_000);

    assert.deepEqual(sessionsOf(browser), ["a"]);
    assert.equal(browser.openSockets.length, 1);
  });
});

describe("a client that has stopped for good", () => {
  async function kicked() {
    const made = page();
    const store = made.clients.store(config, "a");
    const leave = store.subscribe(() => {});
    await made.browser.pass(3_000);
    made.browser.socket.hear("closing", { reason: "kicked", message: "spam", reconnect_after_ms: 0 });
    assert.equal(store.getSnapshot().connection, "kicked");
    return { ...made, leave, store };
  }

  test("stays so for whoever comes next", async (t) => {
    t.mock.method(console, "warn", () => {});
    const { browser, leave, use, store } = await kicked();

    use("a");
    leave();
    await browser.pass(5_000);

    assert.equal(browser.sockets.length, 1);
    assert.equal(store.getSnapshot().error.code, "kicked");
    assert.match(store.getSnapshot().error.message, /spam/);
  });

  test("also for whoever comes long after", async (t) => {
    t.mock.method(console, "warn", () => {});
    const { browser, leave, use, store } = await kicked();
    leave();
    await browser.pass(60_000);

    use("a");
    await browser.pass(5_000);

    assert.equal(browser.sockets.length, 1);
    assert.equal(store.getSnapshot().connection, "kicked");
  });

  test("starts again when the application says so", async (t) => {
    t.mock.method(console, "warn", () => {});
    const { browser, store } = await kicked();

    store.getSnapshot().client.start();
    await soon();

    assert.equal(browser.openSockets.length, 1);
    assert.deepEqual([store.getSnapshot().connection, store.getSnapshot().error], ["open", null]);
  });

  test("does not stop somebody else", async (t) => {
    t.mock.method(console, "warn", () => {});
    const { browser, use } = await kicked();

    use("a", { userId: "you" });
    await soon();

    assert.equal(browser.openSockets.length, 1);
  });
});

describe("a snapshot", () => {
  test("of nothing selected is empty and closed", () => {
    const { browser, clients } = page();
    const store = clients.store(config, null);

    store.subscribe(() => assert.fail())();
    store.listen("update", () => assert.fail())();

    assert.equal(store.getSnapshot(), NOTHING);
    assert.deepEqual(NOTHING, {
      status: null, lastEvent: null, connection: "closed", error: null, people: [], stale: false, client: null,
    });
    assert.equal(browser.timers, 0);
  });

  test("before anybody uses the session says that it is connecting", () => {
    const { clients } = page();

    const { connection, client } = clients.store(config, "a").getSnapshot();

    assert.deepEqual([connection, client], ["connecting", null]);
  });

  test("follows the client, and stays the same while nothing changes", async () => {
    const { browser, clients } = page();
    const store = clients.store(config, "s");
    let changes = 0;
    store.subscribe(() => (changes += 1));
    assert.equal(store.getSnapshot().connection, "connecting");
    await soon();
    const session = new Session(browser);
    const before = store.getSnapshot();
    changes = 0;

    browser.socket.hear(update, session.join("admin_1"));
    const after = store.getSnapshot();

    assert.ok(changes > 0);
    assert.notEqual(after, before);
    assert.ok(Object.isFrozen(after));
    assert.equal(after, store.getSnapshot());
    assert.equal(after, clients.store(config, "s").getSnapshot());
    assert.equal(after.lastEvent.event_user_id, "admin_1");
    assert.deepEqual(Object.keys(after.status.users), ["admin_1"]);
    assert.deepEqual(after.people.map(({ id }) => id), ["admin_1"]);
    assert.equal(after.client.connection, "open");
    changes = 0;
    await browser.pass(29_000);
    assert.equal(changes, 0);
  });

  test("is stale while the socket is away", async () => {
    const { browser, clients } = page();
    const store = clients.store(config, "s");
    store.subscribe(() => {});
    await soon();
    assert.equal(store.getSnapshot().stale, false);
    const session = new Session(browser);
    browser.socket.hear(update, session.join("me", "admin"));
    assert.equal(store.getSnapshot().stale, false);

    browser.network = "mute";
    browser.socket.end();
    assert.deepEqual([store.getSnapshot().stale, store.getSnapshot().connection], [true, "reconnecting"]);
    await browser.pass(2_000);
    browser.socket.open();
    assert.equal(store.getSnapshot().stale, true, "until it is told what was missed");
    browser.socket.hear(update, session.snapshot({ recovered: true }));

    assert.equal(store.getSnapshot().stale, false);
  });

  test("of an id that is none says so, and so does the console, once", (t) => {
    const { browser, clients } = page();
    const warn = t.mock.method(console, "warn", () => {});
    const store = clients.store(config, "no id!");

    store.subscribe(() => {});
    store.subscribe(() => {});
    const { error, connection, client } = store.getSnapshot();

    assert.equal(error.code, "invalid_options");
    assert.match(error.message, /sessionId must be/);
    assert.deepEqual([connection, client], ["closed", null]);
    assert.equal(warn.mock.callCount(), 1);
    assert.equal(browser.timers, 0);
  });

  test("of one session is never another's", async () => {
    const { browser, clients } = page();
    clients.store(config, "a").subscribe(() => {});
    await soon();
    browser.socket.hear(update, new Session(browser, "a").join("me", "admin"));

    assert.equal(clients.store(config, "a").getSnapshot().people.length, 1);
    assert.deepEqual(clients.store(config, "b").getSnapshot().people, []);
  });
});

describe("a listener", () => {
  test("connects if nobody else does, and is told every event", async () => {
    const { browser, clients } = page();
    const told = [];
    const states = [];
    clients.store(config, "s").listen("connection", (state) => states.push(state));
    clients.store(config, "s").listen("update", ({ event_user_id }) => told.push(event_user_id));
    await soon();
    const session = new Session(browser);

    for (const id of ["admin_1", "customer_1", "customer_2"]) browser.socket.hear(update, session.join(id));

    assert.deepEqual(told, ["admin_1", "customer_1", "customer_2"]);
    assert.deepEqual(states, ["connecting", "open"]);
  });

  test("that has gone is told nothing, and lets the client go", async () => {
    const { browser, clients } = page();
    const stop = clients.store(config, "s").listen("update", () => assert.fail());
    await soon();

    stop();
    browser.socket.hear(update, new Session(browser).join("me", "admin"));
    await browser.pass(1_000);

    assert.equal(browser.openSockets.length, 0);
  });
});
