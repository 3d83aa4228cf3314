import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HadirWatcher } from "../../web/watcher.js";
import { FakeBrowser, opened, who } from "./fakes.mjs";

/** A client that is open, and what it has said of itself over its newest socket. */
async function speaker(options) {
  const known = await opened(options);
  const { browser } = known;
  const states = () => browser.socket.said("set_state").map(({ state }) => state);
  const see = (visibilityState) => {
    browser.document.visibilityState = visibilityState;
    browser.happen("visibilitychange");
  };
  return { ...known, states, see };
}

describe("a person's state", () => {
  it("is said, and again on each new socket", async () => {
    const { browser, client, states } = await speaker();
    client.setState({ page: "/cart" });
    assert.deepEqual(states(), [{ page: "/cart" }]);
    browser.socket.end();
    await browser.pass(1_000);
    assert.equal(browser.sockets.length, 2);
    assert.deepEqual(states(), [{ page: "/cart" }]);
  });

  it("waits for a socket", async () => {
    const { browser, client, states } = await speaker();
    browser.network = "refuse";
    browser.socket.end();
    client.setState({ page: "/cart" });
    browser.network = "open";
    await browser.pass(30_000);
    assert.deepEqual(states(), [{ page: "/cart" }]);
  });

  it("is not said where the page does not use it, and the page is looked at", async () => {
    const { browser, states } = await speaker();
    await browser.pass(300_000);
    assert.deepEqual(states(), []);
  });

  it("is said twice a second at most, the last one for sure", async () => {
    const { browser, client, states } = await speaker();
    for (const page of ["/1", "/2", "/3"]) client.setState({ page });
    await browser.pass(2_000);
    assert.deepEqual(states(), [{ page: "/1" }, { page: "/3" }]);
  });

  it("is said again where the server says not now", async () => {
    const { browser, client, states } = await speaker();
    client.setState({ page: "/1" });
    browser.socket.hear("error", { code: "rate_limited", message: "too many" });
    await browser.pass(5_000);
    assert.deepEqual(states(), [{ page: "/1" }, { page: "/1" }]);
    browser.socket.hear("error", { code: "invalid_payload", message: "no" });
    await browser.pass(20_000);
    assert.equal(states().length, 2, "what is wrong stays wrong");
    browser.socket.hear("error", { code: "unavailable", message: "of something else, long after" });
    await browser.pass(5_000);
    assert.equal(states().length, 2);
  });

  it("must be one that the server takes", async () => {
    const { client, states } = await speaker();
    for (const wrong of [null, undefined, "away", 7, [1], { a: {} }, { a: [] }, { a: undefined }, { a: 1n }]) {
      assert.throws(() => client.setState(wrong), /^TypeError: a state is a flat object/);
    }
    for (const wrong of [NaN, Infinity]) assert.throws(() => client.setState({ a: wrong }), /^TypeError: a: .* finite/);
    assert.throws(() => client.setState({ away: "yes" }), /^TypeError: away must be a boolean/);
    assert.throws(() => client.setState({ a: "\ud800" }), /^TypeError: .* Unicode/);
    for (const key of ["", "k".repeat(65)]) assert.throws(() => client.setState({ [key]: 1 }), /^RangeError: .* 1 to 64/);
    assert.deepEqual(states(), []);
  });

  it("must be such a one of a watcher, too", () => {
    const watcher = new HadirWatcher(who, new FakeBrowser().environment);
    assert.throws(() => watcher.setState({ a: {} }), /^TypeError: a state is a flat object/);
    assert.throws(() => watcher.setState({ a: "a".repeat(1_024 - 9) }), RangeError);
  });

  it("leaves room for being away", async () => {
    const { browser, client, states, see } = await speaker();
    const many = (length) => Object.fromEntries(Array.from({ length }, (_, at) => [`k${at}`, at]));
    const long = (length) => ({ a: "é".repeat(length / 2) });
    const most = 1_024 - JSON.stringify({ a: "", away: true }).length;
    for (const wrong of [many(32), long(most + 2 - (most % 2)), { ...many(32), away: false }]) {
      assert.throws(() => client.setState(wrong), /^RangeError: a state has at most 32 fields and 1024 bytes/);
    }
    client.setState({ ...many(31), away: true });
    await browser.pass(1_000);
    client.setState(long(most - (most % 2)));
    see("hidden");
    await browser.pass(61_000);
    const { a, away } = states().at(-1);
    assert.deepEqual([a.length, away], [Math.floor(most / 2), true]);
    assert(new TextEncoder().encode(JSON.stringify(states().at(-1))).length <= 1_024);
  });

  it("needs no such room where the client never says so", async () => {
    const { client, states } = await speaker({ away: false });
    const a = "x".repeat(1_024 - JSON.stringify({ a: "" }).length);
    client.setState({ a });
    assert.deepEqual(states(), [{ a }]);
    assert.throws(() => client.setState({ a: `${a}x` }), RangeError);
  });
});

describe("away", () => {
  it("is said of a page that is hidden for a minute, and no longer when it is seen", async () => {
    const { browser, client, states, see } = await speaker();
    client.setState({ page: "/cart" });
    see("hidden");
    await browser.pass(59_000);
    assert.equal(states().length, 1);
    await browser.pass(1_000);
    assert.deepEqual(states()[1], { page: "/cart", away: true });
    see("visible");
    await browser.pass(500);
    assert.deepEqual(states()[2], { page: "/cart" });
  });

  it("is not said of a short look elsewhere", async () => {
    const { browser, states, see } = await speaker();
    see("hidden");
    await browser.pass(50_000);
    see("visible");
    see("hidden");
    await browser.pass(50_000);
    see("visible");
    await browser.pass(300_000);
    assert.deepEqual(states(), []);
  });

  it("is said again on a new socket, while the page is still hidden", async () => {
    const { browser, states, see } = await speaker();
    see("hidden");
    await browser.pass(61_000);
    browser.socket.end();
    await browser.pass(1_000);
    assert.deepEqual(states(), [{ away: true }]);
    browser.network = "refuse";
    browser.socket.end();
    see("visible");
    browser.network = "open";
    await browser.pass(30_000);
    assert.deepEqual(states(), [], "a socket that has not said so is not away");
  });

  it("leaves what another tab of this person has said", async () => {
    const { browser, session, tell, states, see } = await speaker();
    tell(session.join("me", "admin"));
    tell(session.show("me", { state: { page: "/cart" } }));
    see("hidden");
    await browser.pass(60_000);
    assert.deepEqual(states(), [{ page: "/cart", away: true }]);
  });

  it("may be said by the page itself", async () => {
    const { browser, client, states, see } = await speaker();
    client.setState({ away: true, topic: "lunch" });
    see("hidden");
    await browser.pass(60_000);
    see("visible");
    await browser.pass(1_000);
    assert.deepEqual(states().at(-1), { away: true, topic: "lunch" });
  });

  it("is no longer said though others were told so", async () => {
    const { browser, session, tell, states, see } = await speaker();
    tell(session.join("me", "admin"));
    see("hidden");
    await browser.pass(60_000);
    tell(session.show("me", { state: { away: true } }));
    see("visible");
    await browser.pass(1_000);
    assert.deepEqual(states(), [{ away: true }, {}]);
  });

  it("is not said where it is turned off", async () => {
    const { browser, states, see } = await speaker({ away: false });
    see("hidden");
    await browser.pass(300_000);
    assert.deepEqual(states(), []);
  });

  it("is not said once the client is closed", async () => {
    const { browser, client, states, see } = await speaker();
    see("hidden");
    client.close();
    assert.equal(browser.timers, 0);
    see("visible");
    assert.deepEqual(states(), []);
  });
});
