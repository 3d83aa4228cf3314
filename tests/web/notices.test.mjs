import assert from "node:assert/strict";
import { describe, it } from "node:test";
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
