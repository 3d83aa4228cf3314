import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { retryDelay } from "../../web/connection.js";
import { FakeBrowser, opened, Session, soon, tokenUntil, update } from "./fakes.mjs";

describe("retryDelay", () => {
  it("is full jitter under a ceiling that doubles up to 20 s", () => {
    const longest = [0, 1, 2, 5, 6, 100].map((attempt) => retryDelay(attempt, () => 1));
    assert.deepEqual(longest, [500, 1000, 2000, 16000, 20000, 20000]);
    assert.equal(retryDelay(3, () => 0), 0);
  });
});

/** A client that has just been started, its sockets hanging or refused. */
function started(network) {
  const browser = new FakeBrowser();
  browser.network = network;
  const client = browser.client();
  client.start();
  return { browser, client };
}

describe("opening", () => {
  it("offers a fresh token for each socket, and never in the URL", async () => {
    const tokens = ["one.one.one", "two.two.two"];
    const { browser } = await opened({ getToken: async () => tokens.shift() });
    browser.socket.end();
    await browser.pass(500);
    const offers = browser.sockets.map((socket) => socket.offer);
    assert.deepEqual(offers, [["hadir.v1", "token.one.one.one"], ["hadir.v1", "token.two.two.two"]]);
    assert.ok(!browser.sockets[0].address.includes("one"));
  });

  it("is given up after 10 s where the handshake is never answered", async () => {
    const { browser, client } = started("mute");
    await browser.pass(3_000);
    browser.network = "open";
    await browser.pass(7_500);
    assert.equal(client.connection, "open");
    assert.equal(browser.sockets.length, 2);
    assert.match(client.told("error")[0].message, /handshake: no answer in 10 s/);
  });

  for (const hint of ["online", "visibilitychange", "focus", "pageshow"]) {
    it(`is tried anew at once on ${hint}, where the handshake hangs`, async () => {
      const { browser, client } = started("mute");
      await browser.pass(3_000);
      browser.network = "open";
      browser.happen(hint);
      await browser.pass(0);
      assert.equal(client.connection, "open");
      assert.equal(browser.sockets[0].readyState, 3);
    });

    it(`is tried at once on ${hint}, where the next try is far off`, async () => {
      const { browser, client } = await opened();
      browser.network = "refuse";
      browser.socket.end();
      await browser.pass(40_000);
      browser.network = "open";
      assert.equal(client.connection, "reconnecting");
      browser.happen(hint);
      await browser.pass(0);
      assert.equal(client.connection, "open");
    });
  }

  it("is left alone by hints while it is young, however many come", async () => {
    const { browser, client } = started("mute");
    for (let turn = 0; turn < 18; turn += 1) {
      await browser.pass(100);
      browser.happen("focus");
    }
    assert.equal(browser.sockets.length, 1);
    browser.socket.open();
    await browser.pass(0);
    assert.equal(client.connection, "open");
  });

  it("takes a slow handshake, though somebody switches tabs all the time", async () => {
    const { browser, client } = started("mute");
    for (let turn = 0; turn < 60 && client.connection !== "open"; turn += 1) {
      await browser.pass(500);
      browser.happen("focus");
      const { socket } = browser;
      if (browser.elapsed - socket.madeAt >= 3_000 && socket.readyState === 0) socket.open();
    }
    assert.equal(client.connection, "open");
  });

  it("has one limit for token and handshake, and close says closed", async () => {
    const browser = new FakeBrowser();
    let asked = 0;
    const client = browser.client({ getToken: () => (asked += 1, new Promise(() => {})) });
    client.start();
    await browser.pass(11_000);
    assert.equal(asked, 2);
    assert.match(client.told("error")[0].message, /getToken: no answer in 10 s/);
    client.close();
    assert.deepEqual(client.told("connection"), ["connecting", "closed"]);
    assert.equal(browser.timers, 0);
  });

  it("opens nothing once it is closed, though the token came", async () => {
    const browser = new FakeBrowser();
    const client = browser.client({ getToken: async () => "a.b.c" });
    client.start();
    client.close();
    await browser.pass(1_000);
    assert.equal(browser.sockets.length, 0);
  });

  it("waits longer and longer where every socket is cut after 100 ms", async () => {
    const browser = new FakeBrowser();
    const client = browser.client();
    client.start();
    for (let turn = 0; turn < 300; turn += 1) {
      await browser.pass(100);
      for (const socket of browser.openSockets) {
        if (browser.elapsed - socket.openedAt >= 100) socket.end();
      }
    }
    assert.ok(browser.sockets.length <= 9, `${browser.sockets.length} sockets in 30 s`);
  });

  it("starts from the shortest wait again once a socket has lived", async () => {
    const { browser } = await opened();
    for (let turn = 0; turn < 6; turn += 1) {
      await browser.pass(20_000);
      browser.socket.end();
      await browser.pass(260);
      assert.equal(browser.openSockets.length, 1);
    }
  });

  it("says so where no socket opens at all, and goes on", async () => {
    const { browser, client } = started("refuse");
    await browser.pass(10_000);
    const [first] = client.told("error");
    assert.equal(first.code, "unreachable");
    assert.equal(client.connection, "connecting");
    browser.network = "open";
    await browser.pass(20_000);
    assert.equal(client.connection, "open");
  });

  it("is over where the REST API refuses the same token", async () => {
    const browser = new FakeBrowser();
    browser.network = "refuse";
    const real = globalThis.fetch;
    const asked = [];
    globalThis.fetch = async (url, { headers }) => {
      asked.push([url, headers]);
      return new Response("{}", { status: 403 });
    };
    try {
      const client = browser.client({ getToken: () => "a.b.c", apiUrl: "https://api/" });
      client.start();
      await browser.pass(10_000);
      assert.equal(client.connection, "unauthorized");
      assert.deepEqual(asked[0], ["https://api/api/session/s/connection-status", { Authorization: "Bearer a.b.c" }]);
      assert.equal(browser.timers, 0);
    } finally {
      globalThis.fetch = real;
    }
  });

  it("is unsupported where the browser opens no such socket from this page", async () => {
    const browser = new FakeBrowser();
    const { environment } = browser;
    environment.WebSocket = class {
      constructor() {
        throw new DOMException("An insecure WebSocket connection may not be initiated", "SecurityError");
      }
    };
    const { HadirClient } = await import("../../web/hadir.js");
    const { who } = await import("./fakes.mjs");
    const client = new HadirClient(who, environment);
    client.addEventListener("error", (event) => event.preventDefault());
    client.start();
    await soon();
    assert.equal(client.connection, "unsupported");
    assert.match(client.error.message, /insecure WebSocket/);
  });
});

describe("beating", () => {
  it("begins as soon as the socket is open, so that silence counts from the first second", async () => {
    const { browser } = await opened();
    assert.equal(browser.socket.said("heartbeat").length, 1);
  });

  it("is as often as it is told", async () => {
    const { browser } = await opened({ heartbeatMs: 120_000 });
    await browser.pass(119_999);
    assert.equal(browser.socket.said("heartbeat").length, 1);
    await browser.pass(1);
    assert.equal(browser.socket.said("heartbeat").length, 2);
  });

  it("goes on in a hidden tab, whose timers wake up once a minute", async () => {
    const { browser } = await opened();
    browser.throttled = true;
    await browser.pass(600_000);
    assert.equal(browser.socket.said("heartbeat").length, 21);
  });

  for (const [name, heartbeatMs, switching] of [
    ["with a short heartbeat", 5_000, Infinity],
    ["with the tab switched every 8 s", 30_000, 8_000],
    ["with the tab switched all the time", 30_000, 1_000],
  ]) {
    it(`notices a mute socket ${name}, and hangs it up with a code of its own`, async () => {
      const { browser, client } = await opened({ heartbeatMs });
      const [mute] = browser.sockets;
      browser.answers = false;
      for (let passed = 1_000; passed <= heartbeatMs + 10_000; passed += 1_000) {
        await browser.pass(1_000);
        if (passed % switching === 0) browser.happen("visibilitychange");
      }
      assert.equal(mute.closedWith, 4408);
      assert.ok(client.told("connection").includes("reconnecting"));
    });
  }

  it("believes in a socket whose answer came while the process was stopped", async () => {
    const { browser } = await opened();
    await browser.pass(29_000);
    browser.answers = false;
    await browser.pass(1_000); // beats
    browser.answers = true;
    await browser.sleep(900_000);
    await browser.pass(30_000);
    assert.equal(browser.sockets.length, 1);
    assert.equal(browser.socket.readyState, 1);
  });

  it("notices soon after it was stopped that the socket died meanwhile", async () => {
    const { browser, client } = await opened();
    await browser.pass(10_000);
    browser.answers = false;
    await browser.sleep(900_000);
    browser.answers = true;
    browser.sockets[0].send = () => {};
    browser.happen("visibilitychange");
    await browser.pass(10_000);
    assert.equal(browser.sockets[0].closedWith, 4408);
    await browser.pass(1_000);
    assert.equal(client.connection, "open");
  });

  it("ends where a hidden page's timers are always late", async () => {
    const { browser } = await opened();
    browser.answers = false;
    await browser.pass(30_000);
    for (let minute = 0; minute < 3; minute += 1) await browser.sleep(60_000);
    assert.equal(browser.sockets[0].closedWith, 4408);
  });
});

it("a slow answer is no dead socket, however often somebody looks at the page", async () => {
  const { browser, client } = await opened();
  browser.answers = false;
  await browser.pass(30_000);
  for (let second = 0; second < 9; second += 1) {
    browser.happen("focus");
    await browser.pass(1_000);
  }
  browser.socket.acknowledge();
  await browser.pass(5_000);
  assert.equal(browser.sockets.length, 1);
  assert.equal(client.connection, "open");
});

describe("the network", () => {
  it("is said to be gone at once, though the socket is still there", async () => {
    const { browser, client } = await opened();
    browser.online = false;
    browser.happen("offline");
    browser.socket.acknowledge();
    assert.equal(client.connection, "offline");
    browser.online = true;
    browser.happen("online");
    await browser.pass(0);
    assert.equal(client.connection, "open");
    assert.equal(browser.sockets.length, 1, "the same socket");
  });

  it("that comes back with a dead socket makes a new one within 6 s", async () => {
    const { browser, client } = await opened();
    browser.happen("offline");
    browser.sockets[0].send = () => {};
    browser.happen("online");
    await browser.pass(6_000);
    assert.equal(client.connection, "open");
    assert.equal(browser.sockets.length, 2);
  });
});

describe("the page", () => {
  for (const [name, away, back] of [
    ["is left for another, and Back brings it back", "pagehide", "pageshow"],
    ["is frozen, and resumed", "freeze", "resume"],
    ["is frozen, and seen again", "freeze", "visibilitychange"],
  ]) {
    it(`that ${name} hangs up at once, and is back at once`, async () => {
      const { browser, client } = await opened();
      browser.happen(away);
      assert.equal(browser.sockets[0].closedWith, 4001);
      assert.equal(browser.timers, 0);
      await browser.pass(600_000);
      assert.equal(browser.sockets.length, 1);
      browser.happen(back);
      await browser.pass(0);
      assert.equal(client.connection, "open");
      assert.equal(browser.sockets.length, 2);
    });
  }

  it("that goes while a socket is being opened opens none", async () => {
    const { browser, client } = started("mute");
    await browser.pass(100);
    browser.happen("pagehide");
    browser.happen("freeze");
    await browser.pass(60_000);
    assert.equal(browser.sockets.length, 1);
    assert.equal(browser.sockets[0].readyState, 3);
    client.close();
  });

  it("is not listened to any more after close", async () => {
    const { browser, client } = await opened();
    setFlagsFromString("--expose-gc");
    runInNewContext("gc")(); // Node forgets all but one listener's AbortSignal of a target when it collects
    client.close();
    for (const name of ["pagehide", "pageshow", "online", "focus", "visibilitychange"]) browser.happen(name);
    await browser.pass(60_000);
    assert.equal(browser.sockets.length, 1);
    assert.equal(client.connection, "closed");
    assert.equal(browser.timers, 0);
  });
});

describe("the two hours of a socket", () => {
  it("are not waited for: the next one is open, and heard, before the old one is closed", async () => {
    const { browser, client } = await opened({ lifetimeMs: 20_000 });
    await browser.pass(17_999);
    assert.equal(browser.sockets.length, 1);
    browser.network = "mute";
    await browser.pass(1);
    const [old, next] = browser.sockets;
    next.open();
    assert.equal(old.readyState, 1, "open is not enough");
    await browser.pass(0);
    assert.equal(old.closedWith, 1000);
    assert.equal(next.readyState, 1);
    assert.deepEqual(client.told("connection"), ["connecting", "open"]);
  });

  it("asks on the next socket for what the old one may have missed", async () => {
    const { browser } = await opened({ lifetimeMs: 20_000 });
    browser.socket.hear(update, new Session(browser).join("admin_1"));
    await browser.pass(18_000);
    assert.deepEqual(browser.socket.said("sync"), [{ action: "sync", since: { epoch: "e1", version: 1 } }]);
  });

  it("are tried again where the next socket does not open, while the old one serves", async () => {
    const { browser, client } = await opened({ lifetimeMs: 20_000 });
    browser.network = "refuse";
    await browser.pass(18_100);
    assert.ok(browser.sockets.length > 1);
    assert.equal(client.connection, "open");
    browser.network = "open";
    await browser.pass(5_000);
    assert.equal(browser.sockets[0].closedWith, 1000);
    assert.equal(client.connection, "open");
  });
});

describe("the next socket", () => {
  it("is in use at once where the old one is lost before it is heard", async () => {
    const { browser, client } = await opened({ lifetimeMs: 20_000 });
    await browser.pass(17_900);
    browser.answers = false;
    await browser.pass(100);
    const [old, next] = browser.sockets;
    assert.equal(next.readyState, 1);
    old.end();
    assert.deepEqual(client.told("connection"), ["connecting", "open"]);
    browser.answers = true;
    next.acknowledge();
    await browser.pass(1_000);
    assert.equal(browser.sockets.length, 2);
    assert.equal(client.connection, "open");
  });
});

describe("being put out", () => {
  it("by an admin is final, and says why", async () => {
    const { browser, client } = await opened();
    browser.socket.hear("closing", { reason: "kicked", reconnect_after_ms: 0, message: "spam" });
    await browser.pass(60_000);
    assert.equal(client.connection, "kicked");
    assert.deepEqual(client.told("closing"), [{ reason: "kicked", reconnect_after_ms: 0, message: "spam" }]);
    assert.match(client.error.message, /put out: spam/);
    assert.equal(browser.sockets.length, 1);
    assert.equal(browser.timers, 0);
    client.start();
    await browser.pass(0);
    assert.equal(client.connection, "open", "only the application brings them back");
    assert.equal(client.error, null);
  });

  it("for a while is waited for as long as the server says, whoever looks at the page", async () => {
    const { browser, client } = await opened();
    browser.socket.hear("closing", { reason: "rate_limited", reconnect_after_ms: 30_000 });
    await browser.pass(29_000);
    browser.happen("focus");
    await browser.pass(0);
    assert.equal(browser.sockets.length, 1);
    assert.equal(client.connection, "reconnecting");
    await browser.pass(1_001);
    assert.equal(client.connection, "open");
  });
});

describe("a token that expires", () => {
  const start = Date.UTC(2026, 0, 24) / 1000;

  it("is renewed a minute before, and again until the server says so", async () => {
    const [first, second] = [tokenUntil(start + 300), tokenUntil(start + 600)];
    const tokens = [first, undefined, second, second];
    const getToken = () => {
      const token = tokens.shift();
      if (!token) throw new Error("not now");
      return token;
    };
    const { browser, client } = await opened({ getToken });
    await browser.pass(239_000);
    const renewals = () => browser.socket.said("reauthorize");
    assert.deepEqual(renewals(), []);
    await browser.pass(1_000);
    assert.deepEqual(renewals(), []);
    assert.match(client.told("error")[0].message, /getToken failed: not now/);
    const proof = { action: "reauthorize", token: second };
    await browser.pass(10_000);
    assert.deepEqual(renewals(), [proof]);
    await browser.pass(10_000);
    assert.deepEqual(renewals(), [proof, proof], "until the server says so");
    browser.socket.hear("reauthorized", { expires_at: new Date((start + 600) * 1000).toISOString() });
    await browser.pass(250_000);
    assert.deepEqual(renewals(), [proof, proof]);
  });

  for (const [name, skew] of [["slow", -1_200_000], ["fast", 1_200_000], ["an hour slow", -3_600_000], ["an hour fast", 3_600_000]]) {
    it(`is renewed once and in time where the computer's clock is ${name}`, async () => {
      const browser = new FakeBrowser();
      browser.skew = skew;
      let asked = 0;
      const getToken = () => {
        asked += 1;
        return tokenUntil(Math.floor(browser.serverTime / 1000) + 100);
      };
      const client = browser.client({ getToken });
      client.start();
      await browser.pass(0);
      for (let second = 0; second < 300; second += 1) {
        await browser.pass(1_000);
        const { socket } = browser;
        const proof = socket.sent.at(-1);
        if (proof?.action === "reauthorize") {
          const { exp } = JSON.parse(Buffer.from(proof.token.split(".")[1], "base64url"));
          socket.hear("reauthorized", { expires_at: new Date(exp * 1000).toISOString() });
        }
      }
      assert.equal(browser.sockets.length, 1, "no socket is lost for it");
      assert.ok(asked >= 4 && asked <= 7, `asked ${asked} times in 300 s for tokens of 100 s`);
    });
  }

  it("is asked for every 10 s while the server does not confirm it, however often it is heard", async () => {
    let asked = 0;
    const getToken = () => (asked += 1, tokenUntil(start + 100));
    const { browser } = await opened({ getToken, heartbeatMs: 5_000 });
    await browser.pass(79_000);
    assert.equal(asked, 4);
    assert.equal(browser.socket.said("reauthorize").length, 3);
  });

  it("is waited for where it lasts longer than a timer can", async () => {
    const { browser } = await opened({ getToken: () => tokenUntil(start + 90 * 86_400) });
    await browser.pass(60_000);
    assert.deepEqual(browser.socket.said("reauthorize"), []);
  });

  it("and of which there is no more ends it", async () => {
    const tokens = [tokenUntil(start + 100), null];
    const { browser, client } = await opened({ getToken: () => tokens.shift() });
    await browser.pass(60_000);
    assert.equal(client.connection, "unauthorized");
    assert.equal(browser.sockets[0].closedWith, 1000);
    assert.equal(browser.timers, 0);
  });
});

describe("frames", () => {
  it("of API Gateway itself, which have no type, harm nothing", async () => {
    const { browser, client } = await opened();
    browser.socket.onmessage({ data: '{"message":"Internal server error","connectionId":"x","requestId":"y"}' });
    await soon();
    assert.equal(client.connection, "open");
    assert.deepEqual(client.told("error"), []);
  });
});
