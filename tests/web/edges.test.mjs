import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FakeBrowser, opened, Session, soon, tokenUntil, update } from "./fakes.mjs";
import { SharedClients } from "../../web/shared.js";

const start = Date.UTC(2026, 0, 24) / 1000;
const network = { reason: "network_error", evidence: "close_frame", close_code: 1006 };

describe("close from a listener", () => {
  it("of `reconnecting` is final: nothing is opened after close()", async () => {
    const { browser, client } = await opened();
    client.on("connection", (state) => state === "reconnecting" && client.close());
    browser.socket.end();
    await browser.pass(30_000);
    assert.equal(client.connection, "closed");
    assert.equal(browser.sockets.length, 1);
    assert.equal(browser.timers, 0);
  });
  it("of `connecting` in start() is final", async () => {
    const browser = new FakeBrowser();
    const client = browser.client();
    client.on("connection", (state) => state === "connecting" && client.close());
    client.start();
    await browser.pass(1_000);
    assert.equal(client.connection, "closed");
    assert.equal(browser.sockets.length, 0);
  });
  it("of `reconnecting` on online is final", async () => {
    const { browser, client } = await opened();
    browser.network = "refuse"; browser.online = false;
    browser.socket.end();
    await browser.pass(5_000);
    assert.equal(client.connection, "offline");
    client.on("connection", (state) => state === "reconnecting" && client.close());
    browser.online = true; browser.network = "open";
    browser.happen("online");
    await browser.pass(30_000);
    assert.equal(client.connection, "closed");
    assert.equal(browser.timers, 0);
  });
  it("of a delivery that is being sent: closed stays closed, no timer", async () => {
    const browser = new FakeBrowser();
    const client = browser.client();
    client.send("x");
    client.on("delivery", ({ state }) => state === "sending" && client.close());
    client.start();
    await browser.pass(0);
    assert.equal(client.connection, "closed");
    assert.equal(browser.timers, 0);
  });
  it("of a message: no event comes after it", async () => {
    const { browser, client, session, tell } = await opened();
    tell(session.join("admin_1"));
    browser.socket.end();
    await browser.pass(500);
    client.on("message", () => client.close());
    browser.socket.hear("message", session.say("customer_1", "a"));
    browser.socket.hear("message", session.say("customer_1", "b"));
    tell(session.snapshot({ recovered: true }));
    assert.equal(client.told("message").length, 1);
  });
});

describe("the old socket dies while the next is being opened", () => {
  it("nobody is told to have left, while there is no socket", async () => {
    const { browser, client, session, tell } = await opened({ lifetimeMs: 20_000 });
    tell(session.join("admin_1"));
    tell(session.join("customer_1"));
    await browser.pass(16_000);
    tell(session.leave("customer_1", network));
    browser.network = "mute";
    await browser.pass(2_500); // the rollover has begun at 18 s
    browser.sockets[0].end();
    session.join("customer_1"); // back, which cannot be heard
    await browser.pass(4_000);
    assert.equal(browser.openSockets.length, 0);
    assert.deepEqual(client.told("left"), []);
  });
  it("what was under way waits, and nobody is typing", async () => {
    const { browser, client } = await opened({ lifetimeMs: 20_000 });
    browser.network = "mute";
    await browser.pass(18_500);
    client.send("x");
    browser.socket; browser.sockets[0].hear("typing", { user_id: "c", user_type: "customer", on: true });
    browser.sockets[0].end();
    assert.equal(client.outbox[0].state, "waiting");
    assert.equal(client.told("typing").at(-1).on, false);
  });
});

describe("an event that comes twice, late", () => {
  it("a leave seen before does not put out who is back", async () => {
    const { browser, client, session, tell, presence } = await opened();
    tell(session.join("admin_1"));
    tell(session.join("customer_1"));
    const leave = session.leave("customer_1", network);
    tell(leave);
    tell(session.join("customer_1"));
    tell(leave); // posted twice: its answer took longer than 1.5 s
    assert.equal(presence("customer_1"), "here");
    await browser.pass(10_000);
    assert.deepEqual(client.told("left"), []);
  });
  it("a join seen before, of a crowd, does not bring back who left", async () => {
    const { browser, client, session, tell, presence } = await opened();
    tell(session.join("admin_1"));
    const join = session.join("customer_2", "customer", { users_truncated: true });
    delete join.connection_status.users.customer_2;
    tell(join);
    tell(session.leave("customer_2", { ...network, users_truncated: true }));
    tell(join);
    await browser.pass(10_000);
    assert.equal(presence("customer_2"), "left");
  });
});

describe("timers", () => {
  it("lifetimeMs: Infinity (no limit) opens one socket", async () => {
    const browser = new FakeBrowser();
    const { HadirClient } = await import("../../web/hadir.js");
    const { who } = await import("./fakes.mjs");
    const { environment } = browser;
    const set = environment.setTimeout; // as browsers do
    environment.setTimeout = (run, ms) => set(run, ms > 2 ** 31 - 1 ? 1 : ms);
    const client = new HadirClient({ ...who, lifetimeMs: Infinity }, environment);
    client.start();
    await browser.pass(50);
    assert.equal(browser.sockets.length, 1);
    client.close();
  });
});

describe("error", () => {
  it("is null again once a token that failed to be renewed is renewed", async () => {
    const tokens = [tokenUntil(start + 100), undefined, tokenUntil(start + 200)];
    const getToken = () => { const t = tokens.shift(); if (!t) throw new Error("not now"); return t; };
    const { browser, client } = await opened({ getToken });
    await browser.pass(61_000);
    browser.socket.hear("reauthorized", { expires_at: new Date((start + 7200) * 1000).toISOString() });
    await browser.pass(1_000);
    assert.equal(client.connection, "open");
    assert.equal(client.error, null);
  });
  it("a rollover that failed once leaves no error in what is shared", async () => {
    const browser = new FakeBrowser();
    const shared = new SharedClients(browser.environment);
    const warn = console.warn; console.warn = () => {};
    const store = shared.store({ url: "wss://x/live", userId: "me", userType: "admin", lifetimeMs: 200_000 }, "s");
    store.subscribe(() => {});
    await browser.pass(0);
    browser.network = "refuse";
    await browser.pass(185_000);
    browser.network = "open";
    await browser.pass(25_000);
    console.warn = warn;
    assert.equal(store.getSnapshot().connection, "open");
    assert.equal(store.getSnapshot().error, null);
  });
});

describe("bad tokens", () => {
  it("for seconds, at the rollover, do not end a socket that is open", async () => {
    let html = false;
    const { browser, client } = await opened({ lifetimeMs: 200_000, getToken: () => (html ? "<html>502" : "a.b.c") });
    html = true;
    await browser.pass(186_000);
    html = false;
    await browser.pass(10_000);
    assert.equal(client.connection, "open");
  });
});

describe("a laptop sleeps, and performance.now() with it (Chromium on macOS and Linux)", () => {
  it("what the server has forgotten is not said again", async () => {
    const browser = new FakeBrowser();
    const { HadirChat } = await import("../../web/chat.js");
    const { who } = await import("./fakes.mjs");
    const { environment } = browser;
    let slept = 0;
    environment.Date = { now: () => browser.serverTime + slept };
    const client = new HadirChat(who, environment);
    client.start();
    await browser.pass(0);
    client.send("once");
    await browser.pass(1_000);
    slept = 3_600_000;
    browser.socket.end();
    await browser.pass(2_000);
    assert.equal(browser.openSockets.length, 1);
    assert.deepEqual(browser.socket.said("message"), []);
  });
});

describe("typing", () => {
  const data = { session_id: "s", user_id: "customer_1", user_type: "customer", on: true };
  it("of others is told once, however often they say so", async () => {
    const { browser, client } = await opened();
    for (let i = 0; i < 4; i += 1) { browser.socket.hear("typing", data); await browser.pass(3_000); }
    assert.equal(client.told("typing").length, 1);
  });
  it("of oneself in another tab is not somebody else's", async () => {
    const { browser, client } = await opened();
    browser.socket.hear("typing", { ...data, user_id: "me", user_type: "admin" });
    assert.deepEqual(client.told("typing"), []);
  });
});

describe("hints", () => {
  it("a server that refuses at once is not asked at each of 100 hints in 10 s", async () => {
    const browser = new FakeBrowser();
    browser.network = "refuse";
    const client = browser.client();
    client.start();
    for (let i = 0; i < 100; i += 1) { await browser.pass(100); browser.happen("focus"); }
    assert.ok(browser.sockets.length < 30, `${browser.sockets.length} sockets`);
    client.close();
  });
  it("the server's word on when to come back is kept over Back", async () => {
    const { browser, client } = await opened();
    browser.socket.hear("closing", { reason: "rate_limited", reconnect_after_ms: 30_000 });
    await browser.pass(1_000);
    browser.happen("pagehide"); browser.happen("pageshow");
    await browser.pass(1_000);
    assert.equal(browser.sockets.length, 1);
    await browser.pass(30_000);
    assert.equal(client.connection, "open");
  });
});

describe("a verdict on a token that is no longer used", () => {
  it("does not end what was started anew meanwhile", async () => {
    const browser = new FakeBrowser();
    const real = globalThis.fetch;
    let answer;
    globalThis.fetch = () => new Promise((resolve) => (answer ??= resolve));
    try {
      browser.network = "refuse";
      const client = browser.client({ getToken: () => "a.b.c", apiUrl: "https://api/" });
      client.start();
      while (!answer) await browser.pass(500);
      client.close();
      browser.network = "mute";
      client.start(); // with a new token, after a login
      await browser.pass(10);
      answer(new Response("{}", { status: 403 }));
      await browser.pass(10);
      assert.equal(client.connection, "connecting");
      client.close();
    } finally {
      globalThis.fetch = real;
    }
  });
});

describe("why it stopped", () => {
  it("is known when `connection` says that it has", async () => {
    const { browser, client } = await opened();
    const seen = [];
    client.on("connection", (state) => seen.push([state, client.error?.code]));
    browser.socket.hear("closing", { reason: "kicked", reconnect_after_ms: 0, message: "spam" });
    assert.deepEqual(seen, [["kicked", "kicked"]]);
  });
});

describe("history", () => {
  it("asked for before the session is known does not mean 'before the first event'", async () => {
    const real = globalThis.fetch;
    const asked = [];
    globalThis.fetch = async (url) => (asked.push(`${url}`), new Response('{"events": []}'));
    try {
      const browser = new FakeBrowser();
      await browser.client({ apiUrl: "https://api" }).history();
      assert.ok(!asked[0].includes("before=1&"), asked[0]);
    } finally {
      globalThis.fetch = real;
    }
  });
});

describe("stale", () => {
  it("is what is shown until somebody has said what was missed", async () => {
    const browser = new FakeBrowser();
    const shared = new SharedClients(browser.environment);
    const store = shared.store({ url: "wss://x/live", userId: "me", userType: "admin" }, "s");
    store.subscribe(() => {});
    await browser.pass(0);
    const session = new Session(browser);
    browser.socket.hear(update, session.join("admin_1"));
    browser.socket.end();
    await browser.pass(500);
    assert.equal(store.getSnapshot().connection, "open");
    assert.equal(store.getSnapshot().stale, true, "sync is not answered yet");
  });
});

describe("a snapshot that overtakes events", () => {
  it("whose people are here, are here when those have come", async () => {
    const { browser, client, session, tell, presence } = await opened();
    tell(session.join("admin_1"));
    tell(session.join("customer_1"));
    const leave = session.leave("customer_1", network);
    const back = session.join("customer_1");
    session.join("customer_2");
    tell(session.snapshot()); // reads what is not announced yet
    tell(leave);
    tell(back);
    assert.equal(presence("customer_1"), "here");
    await browser.pass(10_000);
    assert.deepEqual(client.told("left"), []);
  });
});

describe("getToken gives undefined once (an error body without `token`)", () => {
  it("a minute before the old token expires: asked again, not over", async () => {
    const tokens = [tokenUntil(start + 300), undefined, tokenUntil(start + 600)];
    const { browser, client } = await opened({ getToken: () => tokens.shift() });
    await browser.pass(255_000);
    assert.equal(client.connection, "open");
    assert.equal(browser.socket.said("reauthorize").length, 1);
  });
});

describe("this browser is offline, and knows it", () => {
  it("nobody is told to have left meanwhile", async () => {
    const { browser, client, session, tell } = await opened();
    tell(session.join("admin_1"));
    tell(session.join("customer_1"));
    tell(session.leave("customer_1", network));
    browser.online = false;
    browser.happen("offline");
    await browser.pass(8_000);
    assert.equal(client.connection, "offline");
    assert.deepEqual(client.told("left"), []);
    browser.online = true;
    browser.happen("online");
    await browser.pass(100);
    assert.equal(client.told("left").length, 1, "told once it is known");
  });
});

describe("a listener of error starts it anew", () => {
  it("and `connection` does not end on the state before", async () => {
    const { browser, client } = await opened();
    let once = true;
    client.on("error", () => once && (once = false, client.start()));
    browser.socket.hear("closing", { reason: "kicked", reconnect_after_ms: 0 });
    await browser.pass(1_000);
    assert.equal(client.connection, "open");
    assert.equal(client.error, null);
    assert.equal(client.told("connection").at(-1), "open");
  });
});
