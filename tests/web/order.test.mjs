import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { burst, opened, update } from "./fakes.mjs";

/** An admin who is connected, and a customer with them. */
async function both() {
  const known = await opened();
  known.tell(known.session.join("admin_1"));
  known.tell(known.session.join("customer_1"));
  return known;
}

const asked = (browser) => browser.socket.said("sync").length;

describe("an event that is not shown", () => {
  it("has its place in the order: nothing is missing after an assignment", async () => {
    const { browser, client, session, tell } = await both();
    browser.socket.hear("assignment", session.assign("amy"));
    tell(session.leave("customer_1"));
    assert.equal(asked(browser), 0);
    assert.equal(client.state.version, 4);
    assert.equal(client.told("update").length, 3);
  });

  it("has its place among the events of a burst", async () => {
    const { browser, client, session, tell } = await both();
    const assigned = session.assign("amy");
    const shown = session.show("customer_1", { state: { page: "/cart" } });
    const change = { ...shown, user_id: "customer_1", user_type: "customer", state: { page: "/cart" } };
    tell(burst(session, [assigned, change, session.say("customer_1", "Hello"), session.join("admin_2")]));
    assert.equal(asked(browser), 0);
    assert.equal(client.state.version, 6);
    assert.deepEqual(client.told("message").map(({ text }) => text), ["Hello"]);
    assert.equal(client.told("gap").length, 0);
  });

  it("is asked for where it was missed", async () => {
    const { browser, session, tell } = await both();
    session.assign("amy");
    tell(session.leave("customer_1"));
    assert.deepEqual(browser.socket.said("sync"), [{ action: "sync", since: { epoch: "e1", version: 2 } }]);
  });
});

describe("what is shown of a person", () => {
  it("is in people, as it is now", async () => {
    const { client, session, tell } = await both();
    const avatar = "https://img.example.com/anna.png";
    tell(session.show("customer_1", { name: "Anna Berg", avatar, state: { page: "/cart", away: true } }));
    const { name, state, ...anna } = client.people[1];
    assert.deepEqual([name, anna.avatar, state], ["Anna Berg", avatar, { page: "/cart", away: true }]);
    tell(session.show("customer_1", { state: undefined }));
    assert.equal(client.people[1].state, undefined);
    tell(session.leave("customer_1"));
    assert.equal(client.people.at(-1).name, "Anna Berg", "somebody who may be back still has a name");
  });

  it("changes without an event that is an update", async () => {
    const { browser, client, session, tell } = await both();
    tell(session.show("customer_1", { state: { page: "/cart" } }));
    tell(session.leave("customer_1"));
    assert.equal(asked(browser), 0);
    assert.deepEqual(client.told("update").map(({ event_user_id }) => event_user_id), ["admin_1", "customer_1", "customer_1"]);
  });
});

describe("a frame of another session", () => {
  it("changes nothing", async () => {
    const { browser, client, session, tell } = await both();
    const before = client.state;
    for (const type of [update, "message", "assignment"]) {
      browser.socket.hear(type, { ...session.join("customer_2"), session_id: "other", version: 9 });
    }
    assert.equal(client.state, before);
    assert.equal(asked(browser), 0);
    tell(session.snapshot());
  });
});
