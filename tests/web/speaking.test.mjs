import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FakeBrowser, opened } from "./fakes.mjs";

/** A client that is open, what it has said on its newest socket, and the server's echo. */
async function speaking(options) {
  const known = await opened(options);
  const { browser, session } = known;
  const said = () => browser.socket.said("message");
  const echo = ({ text, client_id }) =>
    browser.socket.hear("message", session.say("admin_me", text, { client_id }));
  return { ...known, said, echo };
}

const states = (client) => client.told("delivery").map(({ text, state }) => `${text} ${state}`);

describe("send", () => {
  it("has one message under way at a time, so that their order stays", async () => {
    const { client, said, echo } = await speaking();
    for (const text of ["one", "two", "three"]) client.send(text);
    assert.deepEqual(said().map(({ text }) => text), ["one"]);
    echo(said()[0]);
    assert.deepEqual(said().map(({ text }) => text), ["one", "two"]);
    echo(said()[1]);
    echo(said()[2]);
    assert.deepEqual(client.told("message").map(({ text }) => text), ["one", "two", "three"]);
    assert.deepEqual(states(client).slice(-2), ["three sending", "three sent"]);
    assert.deepEqual(client.outbox, []);
    assert.equal(new Set(said().map(({ client_id }) => client_id)).size, 3);
  });

  it("holds what is said without a socket, and says it once there is one", async () => {
    const browser = new FakeBrowser();
    const client = browser.client();
    const delivery = client.send("early");
    assert.equal(delivery.state, "waiting");
    client.start();
    await browser.pass(0);
    assert.deepEqual(browser.socket.said("message").map(({ text }) => text), ["early"]);
    assert.equal(client.outbox[0].state, "sending");
  });

  it("says it again, under the same id, on the next socket or where no echo comes", async () => {
    const { browser, client, said, echo } = await speaking();
    client.send("lost");
    const [{ client_id }] = said();
    browser.socket.end();
    assert.equal(client.outbox[0].state, "waiting");
    await browser.pass(500);
    assert.deepEqual(said(), [{ action: "message", text: "lost", client_id }]);
    await browser.pass(10_000);
    assert.equal(said().length, 2);
    echo(said()[1]);
    assert.equal(states(client).at(-1), "lost sent");
  });

  it("waits where the page goes, and is said when it is back", async () => {
    const { browser, client, said } = await speaking();
    client.send("going");
    browser.happen("pagehide");
    assert.equal(client.outbox[0].state, "waiting");
    browser.happen("pageshow");
    await browser.pass(0);
    assert.deepEqual(said().map(({ text }) => text), ["going"]);
  });

  it("is sent though the echo tells of a place that was seen already", async () => {
    const { browser, client, session, said } = await speaking();
    client.send("twice");
    const copy = session.say("admin_me", "twice");
    browser.socket.hear("message", copy); // from sync, which does not name ids
    browser.socket.hear("message", { ...copy, client_id: said()[0].client_id, recovered: true });
    assert.equal(states(client).at(-1), "twice sent");
    assert.equal(client.told("message").length, 1);
  });

  it("tells what the server refuses, and goes on with the next", async () => {
    const { browser, client, said } = await speaking();
    client.send("bad");
    client.send("good");
    const { client_id } = said()[0];
    browser.socket.hear("error", { code: "forbidden", message: "not you", request_id: "r", client_id });
    assert.deepEqual(states(client), ["bad waiting", "bad sending", "good waiting", "bad failed", "good sending"]);
    assert.equal(client.told("delivery").find(({ state }) => state === "failed").error, "not you");
    assert.equal(client.told("error")[0].code, "forbidden");
    assert.equal(client.error, null, "the connection works");
  });

  it("waits and tries again where the server is busy", async () => {
    const { browser, client, said } = await speaking();
    client.send("hey");
    const { client_id } = said()[0];
    browser.socket.hear("error", { code: "rate_limited", message: "slow down", request_id: "r", client_id });
    assert.equal(client.outbox[0].error, "slow down");
    assert.equal(said().length, 1);
    await browser.pass(3_000);
    assert.equal(said().length, 2);
  });

  it("does not say again what the server may have forgotten that it was said", async () => {
    const { browser, client, said } = await speaking();
    client.send("old");
    browser.network = "refuse";
    browser.socket.end();
    await browser.pass(600_000);
    browser.network = "open";
    await browser.pass(20_000);
    assert.equal(said().length, 0);
    assert.equal(states(client).at(-1), "old failed");
    assert.match(client.told("delivery").at(-1).error, /not known whether/);
  });

  it("goes on with a message of an earlier page, while the server still knows its id", async () => {
    const { browser, client, said, echo } = await speaking();
    const now = browser.serverTime;
    client.send("unsure", "c1", now - 8 * 60_000);
    client.send("never tried", "c2");
    assert.deepEqual(said(), [{ action: "message", text: "unsure", client_id: "c1" }]);
    echo(said()[0]);
    assert.deepEqual(said()[1], { action: "message", text: "never tried", client_id: "c2" });
    echo(said()[1]);
    client.send("forgotten", "c3", now - 10 * 60_000);
    client.send("next");
    assert.deepEqual(said().slice(2).map(({ text }) => text), ["next"]);
    assert.deepEqual(states(client).slice(-4), ["forgotten waiting", "forgotten failed", "next waiting", "next sending"]);
  });

  it("takes nothing that is no message", async () => {
    const { client } = await speaking();
    for (const text of ["", "x".repeat(4_001), null, { text: "x" }]) {
      assert.throws(() => client.send(text), /1 to 4000 characters/);
    }
    assert.ok(client.send("😀".repeat(4_000)));
    assert.equal(client.outbox.length, 1);
  });
});

describe("typing", () => {
  const data = { session_id: "s", user_id: "customer_1", user_type: "customer", on: true };

  it("of others ends by itself, also where no word comes of it", async () => {
    const { browser, client } = await speaking();
    browser.socket.hear("typing", data);
    await browser.pass(5_900);
    assert.deepEqual(client.told("typing"), [data]);
    await browser.pass(100);
    assert.deepEqual(client.told("typing"), [data, { ...data, on: false }]);
  });

  it("of others lasts as long as the server says, whatever this clock shows", async () => {
    const { browser, client } = await speaking();
    browser.skew = 3_600_000;
    browser.socket.acknowledge();
    const until = new Date(browser.serverTime + 4_000).toISOString();
    browser.socket.hear("typing", { ...data, until });
    await browser.pass(3_900);
    assert.equal(client.told("typing").length, 1);
    await browser.pass(200);
    assert.equal(client.told("typing").at(-1).on, false);
  });

  it("of others ends with their message, and with their leave, once", async () => {
    const { browser, client, session } = await speaking();
    browser.socket.hear("typing", data);
    browser.socket.hear("message", session.say("customer_1", "hi"));
    browser.socket.hear("typing", { ...data, on: false });
    assert.deepEqual(client.told("typing").map(({ on }) => on), [true, false]);
    browser.socket.hear("connection_status_update", session.join("customer_1"));
    browser.socket.hear("typing", data);
    browser.socket.hear("connection_status_update", session.leave("customer_1"));
    await browser.pass(10_000);
    assert.deepEqual(client.told("typing").map(({ on }) => on), [true, false, true, false]);
  });

  it("of one of two people with the same id is not the other's", async () => {
    const { browser, client, session, tell } = await speaking();
    const agent = { ...data, user_id: "42", user_type: "agent" };
    const customer = { ...agent, user_type: "customer" };
    tell(session.join("42", "customer"));
    browser.socket.hear("typing", customer);
    browser.socket.hear("typing", agent);
    browser.socket.hear("message", session.say("42", "hi", { user_type: "agent" }));
    assert.deepEqual(client.told("typing"), [customer, agent, { ...agent, on: false }]);
    tell(session.leave("42"));
    assert.deepEqual(client.told("typing").at(-1), { ...customer, on: false });
  });

  it("of somebody who is not named ends as that of anybody else", async () => {
    const { browser, client, session } = await speaking();
    const { user_id, ...unnamed } = { ...data, user_type: "agent" };
    browser.socket.hear("typing", data);
    browser.socket.hear("typing", unnamed);
    const { user_id: _, ...message } = session.say("agent_1", "hi");
    browser.socket.hear("message", message);
    assert.deepEqual(client.told("message").map(({ text }) => text), ["hi"]);
    assert.deepEqual(client.told("typing"), [data, unnamed, { ...unnamed, on: false }]);
    browser.socket.hear("typing", unnamed);
    browser.socket.hear("typing", { ...unnamed, on: false });
    assert.deepEqual(client.told("typing").map(({ on }) => on), [true, true, false, true, false]);
  });

  it("of somebody else with one's own id is told", async () => {
    const { browser, client } = await speaking();
    browser.socket.hear("typing", { ...data, user_id: "me" });
    assert.deepEqual(client.told("typing").map(({ user_type }) => user_type), ["customer"]);
  });

  it("of others is over where one's own socket is lost", async () => {
    const { browser, client } = await speaking();
    browser.socket.hear("typing", data);
    browser.socket.end();
    assert.equal(client.told("typing").at(-1).on, false);
  });

  it("of one's own is said at the first key and every 3 s, not at each", async () => {
    const { browser, client } = await speaking();
    for (let key = 0; key < 40; key += 1) {
      client.typing();
      await browser.pass(100);
    }
    assert.deepEqual(browser.socket.said("typing").map(({ on }) => on), [true, true]);
    client.typing(false);
    client.typing(false);
    assert.deepEqual(browser.socket.said("typing").map(({ on }) => on), [true, true, false]);
  });

  it("of one's own ends with a message, without a word", async () => {
    const { browser, client } = await speaking();
    client.typing();
    client.send("done");
    client.typing(false);
    assert.deepEqual(browser.socket.said("typing").map(({ on }) => on), [true]);
    client.typing();
    assert.equal(browser.socket.said("typing").length, 2);
  });
});

describe("kick", () => {
  it("names which of two people with the same id is meant, where one says so", async () => {
    const { browser, client } = await speaking();
    client.kick("42", undefined, "agent");
    assert.deepEqual(browser.socket.said("kick"), [{ action: "kick", user_id: "42", user_type: "agent" }]);
  });

  it("is sent with its reason, or refused where there is no socket", async () => {
    const { browser, client } = await speaking();
    client.kick("customer_1", "spam");
    assert.deepEqual(browser.socket.said("kick"), [{ action: "kick", user_id: "customer_1", reason: "spam" }]);
    client.close();
    assert.throws(() => client.kick("customer_1"), /not connected/);
  });
});

describe("history", () => {
  it("is asked of the REST API, with a token, and told when it is refused", async () => {
    const real = globalThis.fetch;
    const asked = [];
    const answers = [
      new Response('{"events": [{"version": 1}]}'),
      new Response('{"error": {"code": "forbidden", "message": "not your session"}}', { status: 403 }),
    ];
    globalThis.fetch = async (url, { headers }) => (asked.push([url, headers]), answers.shift());
    try {
      const { client } = await speaking({ apiUrl: "https://api/", getToken: () => "a.b.c\n" });
      assert.deepEqual(await client.history({ before: 51, limit: 999 }), [{ version: 1 }]);
      const headers = { Authorization: "Bearer a.b.c" };
      assert.deepEqual(asked, [["https://api/api/session/s/events?before=51&limit=200", headers]]);
      await assert.rejects(client.history(), /no history: not your session/);
    } finally {
      globalThis.fetch = real;
    }
  });

  for (const [sessionId, path] of [["auth0|x", "auth0%7Cx"], ["a/b", "a%2Fb"], ["ü+%", "%C3%BC%2B%25"]]) {
    it(`of the session ${sessionId} is asked for by that name`, async (t) => {
      const asked = t.mock.method(globalThis, "fetch", async () => new Response('{"events": []}'));
      const { client } = await speaking({ apiUrl: "https://api", sessionId });
      await client.history({ before: 2 });
      const [address] = asked.mock.calls[0].arguments;
      assert.equal(address, `https://api/api/session/${path}/events?before=2&limit=50`);
    });
  }

  it("needs to know where", async () => {
    const { client } = await speaking();
    await assert.rejects(client.history(), /apiUrl is needed/);
  });
});

describe("the console", () => {
  it("says once what goes wrong, unless somebody else does", async () => {
    const warn = console.warn;
    const lines = [];
    console.warn = (line) => lines.push(line);
    try {
      const { HadirClient } = await import("../../web/hadir.js");
      const { who } = await import("./fakes.mjs");
      const browser = new FakeBrowser();
      const client = new HadirClient({ ...who, getToken: () => "<html>" }, browser.environment);
      client.start();
      await browser.pass(60_000);
      assert.equal(lines.length, 2);
      assert.match(lines[0], /^Hadir: getToken gave an HTML page.* \(bad_token\)$/);
      assert.match(lines[1], /\(unauthorized\)$/);
    } finally {
      console.warn = warn;
    }
  });
});
