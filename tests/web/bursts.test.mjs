/** One frame that tells several events, in the middle of a session and in answer to `sync`. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { burst, entryOf, FakeBrowser, opened, update } from "./fakes.mjs";

const network = { reason: "network_error", evidence: "close_frame", close_code: 1006 };

/** An admin who is connected, and a customer with them: versions 1 and 2. */
async function both(options) {
  const known = await opened(options);
  known.tell(known.session.join("admin_1"));
  known.tell(known.session.join("customer_1"));
  return known;
}

/** The same, on a new socket, which has asked what was missed. */
async function returned() {
  const known = await both();
  known.browser.socket.end();
  await known.browser.pass(500);
  const { epoch, version } = known.client.state;
  assert.deepEqual(known.browser.socket.said("sync"), [{ action: "sync", since: { epoch, version } }]);
  return known;
}

/** What was told of the session's order: its versions, an update's with `+` or `-`. */
function listen(client) {
  const order = [];
  client.on("update", ({ event_type, version }) => order.push(`${event_type === "user_connected" ? "+" : "-"}${version}`));
  client.on("message", ({ version }) => order.push(`${version}`));
  return order;
}

describe("a burst", () => {
  it("is told as its events would be, one after the other", async () => {
    const { client, session, tell, presence } = await both();
    const order = listen(client);
    const events = [
      session.join("customer_2"),
      session.say("customer_2", "hello"),
      session.leave("customer_1", network),
      session.join("agent_1"),
      session.say("agent_1", "hi"),
    ];
    const [joined, said, left] = events;
    tell(burst(session, events));
    assert.deepEqual(order, ["+3", "4", "-5", "+6", "7"]);
    assert.equal(client.state.version, 7);
    assert.equal(client.state.lastEvent.event_user_id, "agent_1");
    assert.deepEqual(client.told("gap"), []);
    assert.deepEqual(client.told("message")[0], said);
    const [, , update3, update5] = client.told("update");
    const status = client.state.status;
    assert.deepEqual(JSON.parse(JSON.stringify(update3)), { ...joined, connection_status: status, status_version: 7 });
    assert.deepEqual(JSON.parse(JSON.stringify(update5)), { ...left, connection_status: status, status_version: 7 });
    assert.equal(presence("customer_1"), "maybe back");
    assert.equal(client.people.find(({ id }) => id === "customer_1").departure, update5);
    assert.equal(presence("customer_2"), "here");
  });

  it("tells once of whom it brings and takes again", async () => {
    const { browser, client, session, tell, presence } = await both();
    tell(burst(session, [session.join("customer_2"), session.leave("customer_2", network)]));
    assert.equal(presence("customer_2"), "maybe back");
    tell(burst(session, [session.leave("customer_1", network), session.join("customer_1")]));
    assert.equal(presence("customer_1"), "here");
    await browser.pass(10_000);
    assert.deepEqual(client.told("left").map(({ id, departure }) => [id, departure.version]), [["customer_2", 4]]);
  });

  it("of messages alone is told, and its status taken", async () => {
    const { client, session, tell } = await both();
    const order = listen(client);
    const events = [session.say("customer_1", "one"), session.say("customer_1", "two")];
    tell({ ...session.snapshot(), events: events.map(entryOf) });
    assert.deepEqual(order, ["3", "4"]);
    assert.equal(client.state.statusVersion, 4);
  });

  it("of none is the event or the snapshot that it is", async () => {
    const { client, session, tell, presence } = await both();
    tell({ ...session.join("customer_2"), events: [] });
    assert.equal(client.told("update").length, 3);
    session.version += 1;
    delete session.users.customer_2;
    tell({ ...session.snapshot(), events: [] });
    assert.equal(presence("customer_2"), "maybe back");
  });

  it("is told from where it is news, and never twice", async () => {
    const { client, session, tell } = await both();
    const order = listen(client);
    const events = [session.join("customer_2"), session.say("customer_2", "hello"), session.leave("customer_1")];
    tell(events[0]);
    tell(burst(session, events));
    tell(burst(session, events));
    assert.deepEqual(order, ["+3", "4", "-5"]);
  });

  it("that begins later than expected waits for the answer to sync", async () => {
    const { browser, client, session, tell } = await both();
    const order = listen(client);
    const missed = session.say("customer_1", "missed");
    const events = [session.join("customer_2"), session.say("customer_2", "hello")];
    tell(burst(session, events));
    assert.deepEqual(order, []);
    assert.deepEqual(browser.socket.said("sync"), [{ action: "sync", since: { epoch: "e1", version: 2 } }]);
    tell({ ...session.snapshot({ recovered: true }), events: [missed, ...events].map(entryOf) });
    assert.deepEqual(order, ["3", "+4", "5"]);
    assert.deepEqual(client.told("gap"), []);
  });

  it("with a hole in it is told up to there, and the rest after sync", async () => {
    const { browser, client, session, tell } = await both();
    const order = listen(client);
    const events = [session.join("customer_2"), session.say("customer_2", "hello"), session.join("customer_3")];
    tell(burst(session, [events[0], events[2]]));
    assert.deepEqual(order, ["+3"]);
    assert.deepEqual(browser.socket.said("sync"), [{ action: "sync", since: { epoch: "e1", version: 3 } }]);
    tell({ ...session.snapshot({ recovered: true }), events: events.slice(1).map(entryOf) });
    assert.deepEqual(order, ["+3", "4", "+5"]);
  });

  it("echoes one's own messages to the outbox", async () => {
    const { browser, client, session, tell } = await both();
    client.send("one");
    client.send("two");
    const [{ client_id }] = browser.socket.said("message");
    tell(burst(session, [session.join("customer_2"), session.say("admin_me", "one", { client_id })]));
    assert.deepEqual(client.told("delivery").filter(({ state }) => state === "sent").map(({ version }) => version), [4]);
    assert.deepEqual(browser.socket.said("message").map(({ text }) => text), ["one", "two"]);
  });

  it("ends the writing of who speaks or leaves in it", async () => {
    const { browser, client, session, tell } = await both();
    for (const user_id of ["customer_1", "customer_2"]) {
      browser.socket.hear("typing", { session_id: "s", user_id, user_type: "customer", on: true });
    }
    tell(burst(session, [session.say("customer_2", "hello"), session.leave("customer_1")]));
    assert.deepEqual(client.told("typing").slice(2).map(({ user_id, on }) => [user_id, on]), [["customer_2", false], ["customer_1", false]]);
  });

  it("may be the first thing that is told", async () => {
    const { client, session, tell } = await opened();
    const order = listen(client);
    session.version = 6;
    tell(burst(session, [session.join("admin_1"), session.say("customer_1", "hello"), session.join("customer_1")]));
    assert.deepEqual(order, ["+7", "8", "+9"]);
    assert.deepEqual(client.told("gap"), []);
  });

  it("with more people than fit takes nobody for gone", async () => {
    const { client, session, tell, presence } = await both();
    const events = [session.join("customer_2"), session.leave("customer_2", network)];
    const frame = burst(session, events, { users_truncated: true });
    delete frame.connection_status.users.customer_1;
    tell(frame);
    assert.equal(presence("customer_1"), "here");
    assert.equal(presence("customer_2"), "maybe back");
    assert.equal(client.told("update").length, 4);
  });
});

describe("the answer to sync", () => {
  it("may carry all that was missed in its snapshot", async () => {
    const { client, session, tell, presence } = await returned();
    const order = listen(client);
    const missed = [session.say("customer_1", "bye"), session.leave("customer_1", network), session.join("customer_2")];
    tell({ ...session.snapshot({ recovered: true }), events: missed.map(entryOf) });
    assert.deepEqual(order, ["3", "-4", "+5"]);
    assert.deepEqual(client.told("gap"), []);
    assert.equal(client.isCurrent, true);
    assert.equal(presence("customer_1"), "maybe back");
    assert.equal(client.told("update").at(-1).connection_status, client.state.status);
  });

  it("settles at once what happened long ago, as if each event had come by itself", async () => {
    const { browser, client, session, tell } = await returned();
    const left = { ...session.leave("customer_1", network), recovered: true };
    left.timestamp = new Date(browser.serverTime - 60_000).toISOString();
    tell({ ...session.snapshot({ recovered: true }), events: [entryOf(left)] });
    assert.deepEqual(client.told("left").map(({ departure }) => departure.version), [3]);
  });

  it("may come in several frames, between which others do", async () => {
    const { browser, client, session, tell, presence } = await returned();
    const order = listen(client);
    const part = (events) => {
      const { session_id, epoch } = session.snapshot();
      browser.socket.hear("events", { session_id, epoch, events: events.map(entryOf) });
    };
    const missed = [session.say("customer_1", "a"), session.leave("customer_1", network), session.say("admin_1", "b")];
    const [three, four, five] = missed;
    const six = session.join("customer_2");
    const answer = session.snapshot({ recovered: true });
    part([three, four]);
    const seven = session.say("customer_2", "meanwhile");
    browser.socket.hear("message", seven);
    part([five]);
    const eight = session.join("customer_3");
    tell(eight);
    tell(session.snapshot()); // as a second tab is sent
    assert.deepEqual(order, [], "not before all of it is there");
    assert.equal(client.isCurrent, false);
    tell({ ...answer, events: [entryOf(six)] });
    assert.deepEqual(order, ["3", "-4", "5", "+6", "7", "+8"]);
    assert.deepEqual(client.told("gap"), []);
    assert.equal(client.isCurrent, true);
    assert.equal(presence("customer_1"), "maybe back");
    assert.equal(presence("customer_3"), "here");
    assert.ok(client.told("update").every(({ connection_status }) => connection_status), "each has a status");
  });

  it("says how one's own messages fared, in whichever frame", async () => {
    const { browser, client, session, tell } = await both();
    client.send("one");
    client.send("two");
    const [{ client_id }] = browser.socket.said("message");
    const said = session.say("admin_me", "one", { client_id });
    browser.socket.end();
    await browser.pass(500);
    browser.socket.hear("events", { session_id: "s", epoch: "e1", events: [entryOf(said)] });
    tell({ ...session.snapshot({ recovered: true }), events: [] });
    assert.deepEqual(client.outbox.map(({ text, state }) => [text, state]), [["two", "sending"]]);
  });

  it("is waited for while its frames come, however slowly", async () => {
    const { browser, client, session, tell } = await returned();
    const order = listen(client);
    const missed = [session.join("customer_2"), session.join("customer_3")];
    const live = session.say("customer_3", "live");
    browser.socket.hear("message", live);
    await browser.pass(9_000);
    browser.socket.hear("events", { session_id: "s", epoch: "e1", events: [entryOf(missed[0])] });
    await browser.pass(9_000);
    tell({ ...session.snapshot({ recovered: true }), events: [entryOf(missed[1])] });
    assert.deepEqual(order, ["+3", "+4", "5"]);
    assert.deepEqual(client.told("gap"), []);
  });

  it("that breaks off is asked for anew, from where one stands", async () => {
    const { browser, client, session, tell } = await returned();
    const order = listen(client);
    const missed = [session.say("customer_1", "a"), session.say("customer_1", "b")];
    browser.socket.hear("events", { session_id: "s", epoch: "e1", events: [entryOf(missed[0])] });
    browser.socket.end();
    await browser.pass(1_000);
    assert.deepEqual(browser.socket.said("sync").at(-1), { action: "sync", since: { epoch: "e1", version: 2 } });
    tell({ ...session.snapshot({ recovered: true }), events: missed.map(entryOf) });
    assert.deepEqual(order, ["3", "4"]);
    assert.deepEqual(client.told("gap"), []);
  });

  it("that is no more than a gap is told as such, then what came meanwhile", async () => {
    const { client, session, tell } = await returned();
    const order = listen(client);
    session.version += 230;
    const lost = session.snapshot({ recovered: false });
    const live = session.join("customer_2");
    tell(live);
    tell({ ...lost, events: [] });
    assert.deepEqual(client.told("gap"), [{ from: 3, to: 232, epoch: "e1", isNewLife: false }]);
    assert.deepEqual(order, ["+233"]);
  });

  it("from a server of today, each event in a frame of its own, is taken as before", async () => {
    const { browser, client, session, tell } = await returned();
    const order = listen(client);
    const missed = [session.say("customer_1", "a"), session.leave("customer_1", network)];
    browser.socket.hear("message", { ...missed[0], recovered: true });
    tell({ ...missed[1], recovered: true });
    tell(session.snapshot({ recovered: true }));
    assert.deepEqual(order, ["3", "-4"]);
    assert.equal(client.isCurrent, true);
  });
});

describe("a new life of the session, whose versions go on", () => {
  const failOver = (session, version = session.version) => Object.assign(session, { epoch: "e2", version });

  it("is no gap where the server knows that nothing was lost", async () => {
    const { browser, client, session, tell } = await both();
    const order = listen(client);
    failOver(session);
    const three = session.say("customer_1", "still here");
    browser.socket.hear("message", three);
    assert.deepEqual(browser.socket.said("sync"), [{ action: "sync", since: { epoch: "e1", version: 2 } }]);
    const four = session.leave("customer_1", network);
    tell(four);
    tell({ ...session.snapshot({ recovered: true }), events: [three, four].map(entryOf) });
    assert.deepEqual(client.told("gap"), []);
    assert.deepEqual(order, ["3", "-4"]);
    assert.deepEqual([client.state.epoch, client.state.version], ["e2", 4]);
    tell(session.join("customer_1"));
    assert.deepEqual(order, ["3", "-4", "+5"]);
    assert.equal(browser.socket.said("sync").length, 1);
  });

  it("is found by a heartbeat's answer, too, and with nothing to tell", async () => {
    const { browser, client, session, tell } = await both();
    const order = listen(client);
    failOver(session);
    const { server_time } = { server_time: new Date(browser.serverTime).toISOString() };
    browser.socket.hear("heartbeat_ack", { server_time, epoch: "e2", version: 2 });
    assert.equal(browser.socket.said("sync").length, 1);
    tell({ ...session.snapshot({ recovered: true }), events: [] });
    assert.deepEqual([client.state.epoch, client.state.version, client.isCurrent], ["e2", 2, true]);
    tell(session.join("customer_2"));
    assert.deepEqual(order, ["+3"]);
    assert.deepEqual(client.told("gap"), []);
    assert.equal(browser.socket.said("sync").length, 1);
  });

  it("takes its status, though one of the life before was said to be newer", async () => {
    const { client, session, tell, presence } = await both();
    session.join("customer_2");
    tell(session.snapshot()); // reads what is not announced yet, and was lost
    delete session.users.customer_2;
    failOver(session, 2);
    const three = session.join("customer_3");
    tell(three);
    tell({ ...session.snapshot({ recovered: true }), events: [entryOf(three)] });
    assert.equal(presence("customer_2"), "maybe back");
    assert.equal(presence("customer_3"), "here");
    assert.deepEqual(client.told("gap"), []);
  });

  it("is no gap either where the events come in frames of their own", async () => {
    const { browser, client, session, tell } = await returned();
    const order = listen(client);
    failOver(session);
    const missed = [session.say("customer_1", "a"), session.leave("customer_1", network)];
    browser.socket.hear("events", { session_id: "s", epoch: "e2", events: [entryOf(missed[0])] });
    tell({ ...session.snapshot({ recovered: true }), events: [entryOf(missed[1])] });
    assert.deepEqual(order, ["3", "-4"]);
    assert.deepEqual(client.told("gap"), []);
  });

  it("drops what came late of the life before", async () => {
    const { client, session, tell } = await returned();
    const order = listen(client);
    const lost = session.join("customer_2");
    failOver(session, 2);
    delete session.users.customer_2;
    const three = session.join("customer_3");
    tell(lost);
    tell({ ...session.snapshot({ recovered: true }), events: [entryOf(three)] });
    assert.deepEqual(client.told("update").at(-1).event_user_id, "customer_3");
    assert.deepEqual(order, ["+3"]);
    assert.deepEqual(client.told("gap"), []);
  });

  it("is a gap where something was lost", async () => {
    const { client, session, tell } = await both();
    const order = listen(client);
    failOver(session, 1);
    const two = session.join("customer_2");
    tell(two);
    tell({ ...session.snapshot({ recovered: false }), events: [] });
    assert.deepEqual(client.told("gap"), [{ from: 1, to: 1, epoch: "e2", isNewLife: true }]);
    assert.deepEqual(order, ["+2"]);
  });

  it("that starts over, since all was lost, is begun at once", async () => {
    const { browser, client, session, tell } = await both();
    const order = listen(client);
    failOver(session, 0);
    tell(burst(session, [session.join("admin_1"), session.say("admin_1", "anybody?")]));
    assert.deepEqual(order, ["+1", "2"]);
    assert.deepEqual(client.told("gap"), []);
    assert.deepEqual(browser.socket.said("sync"), []);
  });
});

describe("the answer to a heartbeat", () => {
  it("with an earlier version than was seen is no news", async () => {
    const { browser, client } = await both();
    const states = [];
    client.on("state", (state) => states.push(state));
    const server_time = new Date(browser.serverTime).toISOString();
    browser.socket.hear("heartbeat_ack", { server_time, epoch: "e1", version: 1 });
    assert.deepEqual(browser.socket.said("sync"), []);
    assert.deepEqual(states, []);
    assert.deepEqual([client.state.version, client.isCurrent], [2, true]);
    assert.deepEqual(client.told("error"), []);
  });

  it("with an earlier version ends the wait for an answer to sync that does not come", async () => {
    const { browser, client } = await returned();
    await browser.pass(10_000);
    assert.equal(client.isCurrent, false);
    const server_time = new Date(browser.serverTime).toISOString();
    browser.socket.hear("heartbeat_ack", { server_time, epoch: "e1", version: 1 });
    assert.equal(client.isCurrent, true);
  });
});
