import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HadirClient } from "../../web/hadir.js";
import { checkToken, expiryOf, socketAddress } from "../../web/options.js";
import { FakeBrowser, soon, who } from "./fakes.mjs";

const address = (url) => socketAddress({ ...who, url });
const query = "session_id=s&user_id=me&user_type=admin";

describe("the address", () => {
  it("is right with a query, a trailing slash, a fragment, or the web's own scheme", () => {
    assert.equal(address("wss://x/live"), `wss://x/live?${query}`);
    assert.equal(address("wss://x/live/"), `wss://x/live?${query}`);
    assert.equal(address("wss://x/live?x=1"), `wss://x/live?x=1&${query}`);
    assert.equal(address("wss://x/live/?x=1#y"), `wss://x/live?x=1&${query}`);
    assert.equal(address("https://x/live"), `wss://x/live?${query}`);
    assert.equal(address("http://localhost:8081/local"), `ws://localhost:8081/local?${query}`);
  });

  it("is refused with a word on what is wrong", () => {
    assert.throws(() => address("ftp://x/live"), /address like wss:.*not ftp:/);
    for (const url of ["localhost", "wss://….example.com/live", "ws://x:99999/live"]) {
      assert.throws(() => address(url), /url must be an address like/, url);
    }
    for (const url of ["", undefined, null]) assert.throws(() => address(url), /url must be an address/);
  });

  for (const id of [
    "a.b_c:d@e-f",
    "auth0|5f7c",
    "anna+shop@example.com",
    "o'brien@example.com",
    "Łukasz",
    "李",
    "ü+%",
    "a/b?c=d&e#f",
    "*",
    "\\",
    "x".repeat(128),
    "😀".repeat(64),
  ]) {
    it(`takes ${id.slice(0, 32)} as an id, and tells it as it is`, () => {
      const { searchParams } = new URL(socketAddress({ ...who, sessionId: id, userId: id }));
      assert.deepEqual([...searchParams], [["session_id", id], ["user_id", id], ["user_type", "admin"]]);
    });
  }

  it("encodes ids, whatever is in them", () => {
    const query = (userId) => socketAddress({ ...who, userId }).split("&")[1];
    assert.equal(query("auth0|x"), "user_id=auth0%7Cx");
    assert.equal(query("a/b"), "user_id=a%2Fb");
    assert.equal(query("ü+%"), "user_id=%C3%BC%2B%25");
  });

  for (const [name, id] of [
    ["no id", undefined],
    ["null", null],
    ["an empty one", ""],
    ["one with a blank", "a b"],
    ["one with a blank that is not broken", "a\u00a0b"],
    ["one with a newline", "a\n"],
    ["one with a control character", "a\u007f"],
    ["one with what cannot be seen", "a\u200b"],
    ["one with half a character", "a\ud83d"],
    ["one with {", "{a"],
    ["one with }", "a}"],
    ["one that is too long", "x".repeat(129)],
    ["one that is not in NFC", "Zoë".normalize("NFD")],
  ]) {
    it(`refuses ${name}, by the name of the option, and with what an id is`, () => {
      const sentence = / must be 1 to 128 printable characters in NFC without blanks, { and }, not /;
      for (const option of ["sessionId", "userId"]) {
        const refused = { name: "TypeError", message: new RegExp(`^${option}${sentence.source}`) };
        assert.throws(() => socketAddress({ ...who, [option]: id }), refused);
      }
    });
  }

  it("needs a type that there is", () => {
    for (const userType of ["boss", "", undefined]) {
      assert.throws(() => socketAddress({ ...who, userType }), /^TypeError: userType must be customer, agent or admin, not/);
    }
  });
});

describe("HadirClient", () => {
  it("says what it needs", () => {
    const incomplete = { url: "ws://x/live", sessionId: "s", userType: "customer" };
    assert.throws(() => new HadirClient(incomplete), /^TypeError: userId must be 1 to 128 .* not undefined$/);
    const complete = { ...incomplete, userId: "u" };
    for (const heartbeatMs of [0, 4_999, 300_001, NaN, "often"]) {
      assert.throws(() => new HadirClient({ ...complete, heartbeatMs }), /heartbeatMs must be from 5,000 to 300,000/);
    }
    for (const lifetimeMs of [0, -1, NaN, 4_999]) {
      assert.throws(() => new HadirClient({ ...complete, lifetimeMs }), /lifetimeMs must be at least 5,000/);
    }
  });

  it("is imported and made where there is no page and no WebSocket, and says so when started", () => {
    const browser = new FakeBrowser();
    const client = new HadirClient(who, { setTimeout, clearTimeout, performance, Date, Math });
    client.addEventListener("error", (event) => event.preventDefault());
    client.start();
    assert.equal(client.connection, "unsupported");
    assert.match(client.error.message, /no WebSocket/);
  });
});

describe("a token", () => {
  it("may have blanks and lines around it", () => {
    assert.equal(checkToken(" a.b.c\n"), "a.b.c");
  });

  it("says when it expires, or does not", () => {
    const claims = Buffer.from(JSON.stringify({ exp: 12 })).toString("base64url");
    assert.equal(expiryOf(`e30.${claims}.x`), 12_000);
    assert.equal(expiryOf("not a token"), null);
  });

  const finals = [
    ["null", null, /no token any more/],
    ["an object", { token: "a.b.c" }, /getToken gave object/],
    ["an empty text", "", /no JSON Web Token/],
  ];
  for (const [name, given, message] of finals) {
    it(`that is ${name} ends it, with a word in the error event`, async () => {
      const browser = new FakeBrowser();
      const client = browser.client({ getToken: async () => given });
      client.start();
      await browser.pass(60_000);
      assert.equal(client.connection, "unauthorized");
      assert.equal(client.told("error").length, 1);
      assert.match(client.told("error")[0].message, message);
      assert.equal(browser.sockets.length, 0);
      assert.equal(browser.timers, 0);
    });
  }

  for (const [name, given] of [
    ["an HTML page", "<!doctype html><title>Log in</title>"],
    ["some other text", "not logged in"],
    ["undefined", undefined],
  ]) {
    it(`that is ${name} is told, asked for a minute more, and then ends it`, async () => {
      const browser = new FakeBrowser();
      const client = browser.client({ getToken: () => given });
      client.start();
      await browser.pass(300_000);
      assert.equal(client.connection, "unauthorized");
      assert.equal(client.told("error").filter(({ code }) => code === "bad_token").length, 10);
      assert.equal(browser.timers, 0);
    });
  }

  it("that is good again after an HTML page connects", async () => {
    const browser = new FakeBrowser();
    const answers = ["<html>502</html>", "a.b.c"];
    const client = browser.client({ getToken: async () => answers.shift() });
    client.start();
    await browser.pass(5_000);
    assert.equal(client.connection, "open");
    assert.equal(client.error, null);
  });

  it("that cannot be fetched is told, and asked for again", async () => {
    const browser = new FakeBrowser();
    let asked = 0;
    const getToken = () => {
      asked += 1;
      if (asked === 1) throw new Error("no");
      return "a.b.c";
    };
    const client = browser.client({ getToken });
    client.start();
    await soon();
    assert.deepEqual(client.told("error"), [{ code: "no_token", message: "getToken failed: no" }]);
    await browser.pass(1_000);
    assert.equal(client.connection, "open");
  });
});
