import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settleTime } from "../../web/people.js";
import { opened } from "./fakes.mjs";

/** An admin who is connected, and a customer with them. */
async function both(options) {
  const known = await opened(options);
  known.tell(known.session.join("admin_1"));
  known.tell(known.session.join("customer_1"));
  return known;
}

const page = { reason: "client_closed", evidence: "close_frame", close_code: 4001 };
const network = { reason: "network_error", evidence: "close_frame", close_code: 1006 };

describe("the calm view", () => {
  it("says maybe back at once, and left when that has settled, with when and why", async () => {
    const { browser, client, session, tell, presence } = await both();
    assert.equal(presence("customer_1"), "here");
    const event = session.leave("customer_1", network);
    tell(event);
    assert.equal(presence("customer_1"), "maybe back");
    assert.equal(client.told("update").at(-1).event_type, "user_disconnected", "the raw event is not held back");
    await browser.pass(4_900);
    assert.deepEqual(client.told("left"), []);
    await browser.pass(200);
    assert.equal(presence("customer_1"), "left");
    const [{ id, departure }] = client.told("left");
    assert.equal(id, "customer_1");
    assert.deepEqual(departure, event);
  });

  it("says nothing of somebody who is back in time", async () => {
    const { browser, client, session, tell, presence } = await both();
    tell(session.leave("customer_1", page));
    await browser.pass(3_000);
    tell(session.join("customer_1", "customer", { reconnected: true, offline_seconds: 3 }));
    await browser.pass(60_000);
    assert.equal(presence("customer_1"), "here");
    assert.deepEqual(client.told("left"), []);
    assert.equal(client.told("update").length, 4, "whoever wants all events has them");
  });

  it("waits longer for the next page, and not at all for who was silent or put out", () => {
    const gone = (reason, close_code) => settleTime({ reason, close_code });
    assert.equal(gone("client_closed", 4001), 10_000);
    assert.equal(gone("client_closed", 1001), 10_000);
    assert.equal(gone("client_closed", 1000), 5_000);
    assert.equal(gone("network_error", 1006), 5_000);
    assert.equal(gone("gone"), 5_000, "a post may find the socket gone before its goodbye is heard");
    for (const reason of ["heartbeat_timeout", "idle_timeout", "kicked"]) assert.equal(gone(reason), 0);
  });

  it("waits as long as the application says, for all or by reason", () => {
    const departure = { reason: "network_error" };
    assert.equal(settleTime(departure, 1_000), 1_000);
    assert.equal(settleTime(departure, { network_error: 30_000 }), 30_000);
    assert.equal(settleTime(departure, { page: 30_000 }), 5_000);
  });

  it("does not settle what it cannot hear: not while its own socket is away", async () => {
    const { browser, client, session, tell, presence } = await both();
    tell(session.leave("customer_1", network));
    browser.network = "refuse";
    browser.socket.end();
    await browser.pass(30_000);
    assert.equal(presence("customer_1"), "maybe back");
    const back = session.join("customer_1");
    browser.network = "open";
    browser.happen("online");
    await browser.pass(0);
    tell({ ...back, recovered: true });
    tell(session.snapshot({ recovered: true }));
    await browser.pass(20_000);
    assert.equal(presence("customer_1"), "here");
    assert.deepEqual(client.told("left"), []);
  });

  it("does not settle before it is known that nothing was missed, where sync is not answered", async () => {
    const { browser, client, session, tell, presence } = await both();
    tell(session.leave("customer_1", network));
    browser.socket.end();
    await browser.pass(29_000);
    assert.equal(presence("customer_1"), "maybe back", "nobody has said whether something was missed");
    await browser.pass(2_000); // a heartbeat's answer does
    assert.equal(presence("customer_1"), "left");
    assert.equal(client.told("left").length, 1);
  });

  it("settles at once what happened long ago, while its own socket was away", async () => {
    const { browser, client, session, tell } = await both();
    browser.network = "refuse";
    browser.socket.end();
    await browser.pass(1_000);
    const event = session.leave("customer_1", network);
    await browser.pass(60_000);
    browser.network = "open";
    browser.happen("online");
    await browser.pass(0);
    assert.deepEqual(browser.socket.said("sync"), [{ action: "sync", since: { epoch: "e1", version: 2 } }]);
    tell({ ...event, recovered: true });
    tell(session.snapshot({ recovered: true }));
    assert.deepEqual(client.told("left").map(({ departure }) => departure.timestamp), [event.timestamp]);
  });

  it("takes nobody for here whom only an older status lists", async () => {
    const { session, tell, presence } = await both();
    const old = session.snapshot();
    tell(session.leave("customer_1", network));
    tell(old);
    assert.equal(presence("customer_1"), "maybe back");
  });

  it("tells of a leave that is known by the status alone", async () => {
    const { browser, client, session, tell } = await both();
    session.leave("customer_1");
    browser.socket.end();
    await browser.pass(500);
    tell(session.snapshot({ recovered: false }));
    await browser.pass(5_000);
    const [{ id, departure }] = client.told("left");
    assert.equal(id, "customer_1");
    assert.equal(departure, null);
  });

  it("takes nobody for gone who does not fit the list any more", async () => {
    const { browser, session, tell, presence } = await both();
    const crowd = session.join("customer_2", "customer", { users_truncated: true });
    delete crowd.connection_status.users.customer_1;
    delete crowd.connection_status.users.customer_2;
    tell(crowd);
    assert.equal(presence("customer_1"), "here");
    assert.equal(presence("customer_2"), "here");
    const event = session.leave("customer_2", { ...network, users_truncated: true });
    tell(event);
    assert.equal(presence("customer_2"), "maybe back");
    await browser.pass(10_000);
    assert.equal(presence("customer_2"), "left");
  });

  it("lists who is here first, and forgets the oldest of very many who left", async () => {
    const { browser, client, session, tell } = await both({ settleMs: 0 });
    for (let number = 0; number < 150; number += 1) {
      tell(session.join(`customer_x${number}`));
      tell(session.leave(`customer_x${number}`));
    }
    await browser.pass(10);
    assert.deepEqual(client.people.slice(0, 2).map(({ id }) => id), ["admin_1", "customer_1"]);
    const left = client.people.filter(({ presence }) => presence === "left");
    assert.equal(left.length, 100);
    assert.equal(left.at(-1).id, "customer_x149");
  });
});

describe("a customer and an agent with the same id", () => {
  /** They are both here, the customer under the id, and the agent under the longer name. */
  async function namesakes() {
    const known = await opened({ settleMs: 0 });
    known.tell(known.session.join("42", "customer"));
    const agent = { user_type: "agent", user_id: "42", connected_at: "2026-01-24T00:01:00Z", connections: 1 };
    const joined = known.session.join("agent:42", "agent", { event_user_id: "42" });
    known.session.users["agent:42"] = agent;
    known.tell({ ...joined, connection_status: known.session.snapshot().connection_status });
    return known;
  }
  const shown = ({ people }) => people.map(({ type, id, presence }) => `${type} ${id} ${presence}`);

  it("are two people", async () => {
    const { client } = await namesakes();
    assert.deepEqual(shown(client), ["customer 42 here", "agent 42 here"]);
    assert.deepEqual(client.people.map(({ since }) => since), ["2026-01-24T00:00:00Z", "2026-01-24T00:01:00Z"]);
    assert.deepEqual(Object.keys(client.state.status.users), ["42", "agent:42"], "the status is as it came");
  });

  it("leave each for themselves, whichever of them has the bare id then", async () => {
    const { browser, client, session, tell } = await namesakes();
    const left = session.leave("42", network);
    const { user_id, ...agent } = session.users["agent:42"];
    session.users = { 42: agent };
    tell({ ...left, connection_status: session.snapshot().connection_status });
    await browser.pass(0);
    assert.deepEqual(shown(client), ["agent 42 here", "customer 42 left"]);
    assert.deepEqual(client.told("left").map(({ type, departure }) => [type, departure.version]), [["customer", 3]]);
    tell(session.leave("42", network));
    await browser.pass(0);
    assert.deepEqual(shown(client), ["customer 42 left", "agent 42 left"]);
  });

  it("are none of them somebody whose id looks like that name", async () => {
    const { client, session, tell } = await opened();
    tell(session.join("agent:42", "customer"));
    assert.deepEqual(shown(client), ["customer agent:42 here"]);
  });

  it("are missed each for themselves where their events are lost", async () => {
    const { browser, client, session, tell } = await namesakes();
    browser.socket.end();
    delete session.users["agent:42"];
    session.version += 300;
    await browser.pass(500);
    tell(session.snapshot({ recovered: false }));
    await browser.pass(0);
    assert.deepEqual(shown(client), ["customer 42 here", "agent 42 left"]);
  });
});

describe("what was missed", () => {
  it("is told as a gap where the history does not reach back", async () => {
    const { browser, client, session, tell } = await both();
    browser.socket.end();
    session.version += 230;
    await browser.pass(500);
    tell(session.snapshot({ recovered: false }));
    assert.deepEqual(client.told("gap"), [{ from: 3, to: 232, epoch: "e1", isNewLife: false }]);
  });

  it("is told as a gap where the answer to sync never comes", async () => {
    const { browser, client, session, tell } = await both();
    session.version += 3;
    tell(session.join("customer_2"));
    await browser.pass(10_000);
    assert.deepEqual(client.told("gap"), [{ from: 3, to: 5, epoch: "e1", isNewLife: false }]);
    assert.equal(client.told("update").at(-1).event_user_id, "customer_2");
  });

  it("is no gap where it comes with the answer to sync", async () => {
    const { browser, client, session, tell } = await both();
    const missed = session.join("customer_2");
    tell(session.join("customer_3"));
    tell({ ...missed, recovered: true });
    tell(session.snapshot({ recovered: true }));
    assert.deepEqual(client.told("gap"), []);
    assert.deepEqual(client.told("update").map(({ version }) => version), [1, 2, 3, 4]);
  });

  it("is asked for where a heartbeat is answered with a later place", async () => {
    const { browser } = await both();
    browser.socket.hear("heartbeat_ack", { epoch: "e1", version: 7, server_time: "2026-01-24T00:00:00Z" });
    assert.equal(browser.socket.said("sync").length, 1);
  });
});
