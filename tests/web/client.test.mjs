import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { HadirClient, applyMessage, applyUpdate, expiryOf, initialState, isBehind, missesSome, retryDelay } from "../../web/hadir.js";
import { customerHasLeft, needsAgent, notification } from "../../web/notices.js";

const admin = { user_type: "admin", connections: 1 };
const customer = { user_type: "customer", connections: 1 };

function status(users) {
  const kinds = Object.values(users).map((user) => user.user_type);
  return {
    users,
    customer_connected: kinds.includes("customer"),
    agent_connected: kinds.some((kind) => kind !== "customer"),
  };
}

function update(version, users, event = {}) {
  return {
    epoch: "e1",
    status_version: version,
    connection_status: status(users),
    ...(event.event_type ? { version } : {}),
    ...event,
  };
}

const left = { event_type: "user_disconnected", event_user_id: "c", event_user_type: "customer" };
const joined = { ...left, event_type: "user_connected" };

describe("applyUpdate", () => {
  it("takes the status and the event", () => {
    const data = update(2, { a: admin, c: customer }, joined);
    const state = applyUpdate(initialState, data);
    assert.equal(state.lastEvent, data);
    assert.equal(state.status, data.connection_status);
    assert.deepEqual([state.version, state.statusVersion, state.epoch], [2, 2, "e1"]);
  });

  it("keeps the newest status when a snapshot comes late", () => {
    const now = applyUpdate(initialState, update(3, { a: admin }, left));
    const state = applyUpdate(now, update(2, { a: admin, c: customer }));
    assert.equal(state.status, now.status);
    assert.equal(state.lastEvent, now.lastEvent);
  });

  it("drops an event it has seen, as after a recovery", () => {
    const now = applyUpdate(initialState, update(3, { a: admin }, left));
    const again = { ...update(3, { a: admin }, left), recovered: true };
    assert.equal(applyUpdate(now, again).lastEvent, now.lastEvent);
  });

  it("starts over with a new epoch, though its versions are lower", () => {
    const now = applyUpdate(initialState, update(9, { a: admin }, left));
    const first = { ...update(1, { c: customer }, joined), epoch: "e2" };
    const state = applyUpdate(now, first);
    assert.equal(state.lastEvent, first);
    assert.deepEqual([state.version, state.epoch], [1, "e2"]);
  });

  it("takes nothing from an earlier life", () => {
    const now = applyUpdate(initialState, { ...update(1, { a: admin }, joined), epoch: "e2" });
    assert.equal(applyUpdate(now, update(9, { c: customer }, joined)), now);
  });

  it("fires no event for a snapshot", () => {
    assert.equal(applyUpdate(initialState, update(2, { a: admin })).lastEvent, null);
  });
});

describe("retryDelay", () => {
  it("is full jitter under a ceiling that doubles up to 20 s", () => {
    const longest = [0, 1, 2, 5, 6, 100].map((attempt) => retryDelay(attempt, () => 1));
    assert.deepEqual(longest, [500, 1000, 2000, 16000, 20000, 20000]);
    assert.equal(retryDelay(3, () => 0), 0);
  });
});

describe("HadirClient", () => {
  it("says what it needs", () => {
    const incomplete = { url: "ws://x/live", sessionId: "s", userType: "customer" };
    assert.throws(() => new HadirClient(incomplete), /HadirClient needs user_id/);
    const complete = { ...incomplete, userId: "u" };
    for (const heartbeatMs of [0, 4_999, 300_001, NaN, "often"]) {
      assert.throws(() => new HadirClient({ ...complete, heartbeatMs }), /from 5,000 to 300,000/);
    }
  });
});

/** Sockets that connect nowhere; what was offered and sent is kept, and heartbeats are answered. */
class FakeSocket {
  static OPEN = 1;
  static made = [];
  readyState = 1;
  sent = [];

  constructor(address, offer) {
    Object.assign(this, { address, offer });
    FakeSocket.made.push(this);
  }

  send(text) {
    const message = JSON.parse(text);
    this.sent.push(message);
    const acknowledge = () => this.onmessage?.({ data: '{"type":"heartbeat_ack","data":{}}' });
    if (message.action === "heartbeat") queueMicrotask(acknowledge);
  }

  close() {}
}

function tokenUntil(seconds) {
  return `e30.${Buffer.from(JSON.stringify({ exp: seconds })).toString("base64url")}.x`;
}

describe("HadirClient with tokens", () => {
  const who = { url: "ws://x/live", sessionId: "s", userId: "u", userType: "customer" };
  const soon = () => new Promise((resolve) => setImmediate(resolve));
  const real = globalThis.WebSocket;
  let client;

  beforeEach(() => {
    FakeSocket.made = [];
    globalThis.WebSocket = FakeSocket;
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_000_000_000 });
  });

  afterEach(() => {
    client.close();
    mock.timers.reset();
    globalThis.WebSocket = real;
  });

  it("offers a fresh token for each socket, and never in the URL", async () => {
    const tokens = ["one.one.one", "two.two.two"];
    client = new HadirClient({ ...who, getToken: async () => tokens.shift() });
    client.start();
    await soon();
    FakeSocket.made[0].onclose();
    mock.timers.tick(500);
    await soon();
    const offers = FakeSocket.made.map((socket) => socket.offer);
    assert.deepEqual(offers, [["hadir.v1", "token.one.one.one"], ["hadir.v1", "token.two.two.two"]]);
    assert.ok(!FakeSocket.made[0].address.includes("one"));
  });

  it("asks again where there is no token to be had", async () => {
    let asked = 0;
    const getToken = () => {
      asked += 1;
      if (asked === 1) throw new Error("no");
      return "a.b.c";
    };
    client = new HadirClient({ ...who, getToken });
    client.start();
    await soon();
    await soon();
    assert.equal(FakeSocket.made.length, 0);
    mock.timers.tick(500);
    await soon();
    assert.equal(FakeSocket.made.length, 1);
  });

  it("beats as often as it is told", async () => {
    client = new HadirClient({ ...who, getToken: () => "a.b.c", heartbeatMs: 120_000 });
    client.start();
    await soon();
    const [socket] = FakeSocket.made;
    socket.onopen();
    mock.timers.tick(119_999);
    assert.equal(socket.sent.length, 0);
    mock.timers.tick(1);
    assert.deepEqual(socket.sent, [{ action: "heartbeat" }]);
  });

  it("opens nothing once it is closed, though the token came", async () => {
    client = new HadirClient({ ...who, getToken: async () => "a.b.c" });
    client.start();
    client.close();
    await soon();
    assert.equal(FakeSocket.made.length, 0);
  });

  it("proves itself anew a minute before its token expires", async () => {
    const [first, second] = [tokenUntil(1_000_000 + 300), tokenUntil(1_000_000 + 600)];
    const tokens = [first, null, second, second];
    const getToken = () => {
      const token = tokens.shift();
      if (!token) throw new Error("not now");
      return token;
    };
    client = new HadirClient({ ...who, getToken });
    client.start();
    await soon();
    const [socket] = FakeSocket.made;
    socket.onopen();
    mock.timers.tick(239_000);
    await soon();
    const renewals = () => socket.sent.filter(({ action }) => action === "reauthorize");
    assert.deepEqual(renewals(), []);
    mock.timers.tick(1_000);
    await soon();
    assert.deepEqual(renewals(), []);
    const proof = { action: "reauthorize", token: second };
    mock.timers.tick(10_000);
    await soon();
    assert.deepEqual(renewals(), [proof]);
    mock.timers.tick(10_000);
    await soon();
    assert.deepEqual(renewals(), [proof, proof], "until the server says so");
    const expires_at = new Date((1_000_000 + 600) * 1000).toISOString();
    socket.onmessage({ data: JSON.stringify({ type: "reauthorized", data: { expires_at } }) });
    mock.timers.tick(250_000);
    await soon();
    assert.deepEqual(renewals(), [proof, proof]);
  });

  it("waits where a token is for longer than a timer can be", async () => {
    client = new HadirClient({ ...who, getToken: () => tokenUntil(1_000_000 + 90 * 86_400) });
    client.start();
    await soon();
    const [socket] = FakeSocket.made;
    socket.onopen();
    mock.timers.tick(60_000);
    await soon();
    assert.ok(!socket.sent.some(({ action }) => action === "reauthorize"));
  });

  it("knows when a token expires, and that some do not say", () => {
    assert.equal(expiryOf(tokenUntil(12)), 12_000);
    assert.equal(expiryOf("not a token"), null);
  });
});

describe("where a client stands", () => {
  it("is told by the first snapshot, as a second tab gets", () => {
    assert.equal(applyUpdate(initialState, update(7, { a: admin })).version, 7);
  });

  it("is told by the snapshot after a history that is lost", () => {
    const now = applyUpdate(initialState, update(3, { a: admin }, left));
    const lost = { ...update(9, { a: admin }), recovered: false };
    assert.equal(applyUpdate(now, lost).version, 9);
    assert.equal(missesSome(applyUpdate(now, lost), update(10, { a: admin }, joined)), false);
  });

  it("is behind when a heartbeat is answered with a later version or life", () => {
    const now = applyUpdate(initialState, update(3, { a: admin }, left));
    assert.equal(isBehind(now, { epoch: "e1", version: 4 }), true);
    assert.equal(isBehind(now, { epoch: "e2", version: 1 }), true);
    assert.equal(isBehind(now, { epoch: "e1", version: 3 }), false);
    assert.equal(isBehind(now, {}), false);
  });
});

describe("applyMessage", () => {
  const now = applyUpdate(initialState, update(3, { a: admin }, left));

  it("moves on in the same order as events, and keeps the status", () => {
    const state = applyMessage(now, { epoch: "e1", version: 4 });
    assert.deepEqual([state.version, state.status], [4, now.status]);
  });

  it("takes none twice, and none of an earlier life", () => {
    assert.equal(applyMessage(now, { epoch: "e1", version: 3 }), now);
    assert.equal(applyMessage(now, { epoch: "e0", version: 9 }), now);
  });

  it("takes the first of a new life", () => {
    const state = applyMessage(now, { epoch: "e2", version: 1 });
    assert.deepEqual([state.epoch, state.version], ["e2", 1]);
    const after = applyUpdate(state, { ...update(2, { c: customer }, joined), epoch: "e2" });
    assert.deepEqual([after.version, after.statusVersion], [2, 2]);
  });
});

describe("missesSome", () => {
  const seen = applyUpdate(initialState, update(3, { a: admin }, left));

  it("is so when a version was skipped", () => {
    assert.equal(missesSome(seen, update(5, { a: admin }, joined)), true);
  });

  it("is not so for the next, one seen before, a snapshot, a new life, or the first of all", () => {
    assert.equal(missesSome(seen, update(4, { a: admin }, joined)), false);
    assert.equal(missesSome(seen, update(2, { a: admin }, joined)), false);
    assert.equal(missesSome(seen, update(9, { a: admin })), false);
    assert.equal(missesSome(seen, { ...update(7, { a: admin }, joined), epoch: "e2" }), false);
    assert.equal(missesSome(initialState, update(7, { a: admin }, joined)), false);
  });
});

describe("notices", () => {
  const both = status({ a: admin, c: customer });

  it("name who came and who went", () => {
    assert.equal(notification(update(2, both.users, joined)), "c (customer) joined");
    assert.equal(notification(update(3, { a: admin }, left)), "c (customer) left");
  });

  it("raise the alert when the last customer has gone and an agent is there", () => {
    assert.equal(customerHasLeft(both, status({ a: admin })), true);
  });

  it("raise none when another customer stays, an agent went, or nobody is there to be told", () => {
    assert.equal(customerHasLeft(both, status({ a: admin, d: customer })), false);
    assert.equal(customerHasLeft(status({ a: admin, b: admin }), status({ a: admin })), false);
    assert.equal(customerHasLeft(both, status({})), false);
    assert.equal(customerHasLeft(null, status({ a: admin })), false);
  });

  it("ask for an agent only while a customer waits alone", () => {
    assert.equal(needsAgent(status({ c: customer })), true);
    assert.equal(needsAgent(both), false);
    assert.equal(needsAgent(status({})), false);
    assert.equal(needsAgent(null), false);
  });
});
