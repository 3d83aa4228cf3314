import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { apply, gapBefore, initialState, isBehind } from "../../web/state.js";

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

describe("apply, of an update,", () => {
  it("takes the status and the event", () => {
    const data = update(2, { a: admin, c: customer }, joined);
    const state = apply(initialState, data);
    assert.equal(state.lastEvent, data);
    assert.equal(state.status, data.connection_status);
    assert.deepEqual([state.version, state.statusVersion, state.epoch], [2, 2, "e1"]);
  });

  it("keeps the newest status when a snapshot comes late", () => {
    const now = apply(initialState, update(3, { a: admin }, left));
    const state = apply(now, update(2, { a: admin, c: customer }));
    assert.equal(state.status, now.status);
    assert.equal(state.lastEvent, now.lastEvent);
  });

  it("drops an event it has seen, as after a recovery", () => {
    const now = apply(initialState, update(3, { a: admin }, left));
    const again = { ...update(3, { a: admin }, left), recovered: true };
    assert.equal(apply(now, again).lastEvent, now.lastEvent);
  });

  it("starts over with a new epoch, though its versions are lower", () => {
    const now = apply(initialState, update(9, { a: admin }, left));
    const first = { ...update(1, { c: customer }, joined), epoch: "e2" };
    const state = apply(now, first);
    assert.equal(state.lastEvent, first);
    assert.deepEqual([state.version, state.epoch], [1, "e2"]);
  });

  it("takes nothing from an earlier life", () => {
    const now = apply(initialState, { ...update(1, { a: admin }, joined), epoch: "e2" });
    assert.equal(apply(now, update(9, { c: customer }, joined)), now);
  });

  it("takes the event that the first snapshot told of, and came after it", () => {
    const now = apply(initialState, update(2, { a: admin }));
    const data = update(2, { a: admin }, { ...joined, event_user_id: "a" });
    const state = apply(now, data);
    assert.equal(state.lastEvent, data);
    assert.equal(apply(state, { ...data, recovered: true }).lastEvent, data, "once");
    assert.equal(apply(now, update(1, { c: customer }, joined)).lastEvent, null);
  });

  it("goes on past an event of which the server knows but the place", () => {
    const now = apply(initialState, update(3, { a: admin }, left));
    const data = { ...update(9, { a: admin, c: customer }), version: 4 };
    assert.equal(gapBefore(now, data), null);
    const state = apply(now, data);
    assert.deepEqual([state.version, state.statusVersion], [4, 9]);
    assert.equal(state.status, data.connection_status);
    assert.equal(state.lastEvent, now.lastEvent);
    assert.equal(apply(state, { ...data, version: 3 }).version, 4, "never back");
  });

  it("fires no event for a snapshot", () => {
    assert.equal(apply(initialState, update(2, { a: admin })).lastEvent, null);
  });
});

describe("where a client stands", () => {
  it("is told by the first snapshot, as a second tab gets", () => {
    assert.equal(apply(initialState, update(7, { a: admin })).version, 7);
  });

  it("is told by the snapshot after a history that is lost", () => {
    const now = apply(initialState, update(3, { a: admin }, left));
    const lost = { ...update(9, { a: admin }), recovered: false };
    assert.equal(apply(now, lost).version, 9);
    assert.equal(gapBefore(apply(now, lost), update(10, { a: admin }, joined)), null);
  });

  it("is behind when a heartbeat is answered with a later version or life", () => {
    const now = apply(initialState, update(3, { a: admin }, left));
    assert.equal(isBehind(now, { epoch: "e1", version: 4 }), true);
    assert.equal(isBehind(now, { epoch: "e2", version: 1 }), true);
    assert.equal(isBehind(now, { epoch: "e1", version: 3 }), false);
    assert.equal(isBehind(now, {}), false);
  });
});

describe("apply, of a message,", () => {
  const now = apply(initialState, update(3, { a: admin }, left));

  it("moves on in the same order as events, and keeps the status", () => {
    const state = apply(now, { text: "a", epoch: "e1", version: 4 });
    assert.deepEqual([state.version, state.status], [4, now.status]);
  });

  it("goes on past one whose text was erased", () => {
    assert.equal(apply(now, { text: "", erased: true, epoch: "e1", version: 4 }).version, 4);
  });

  it("takes none twice, and none of an earlier life", () => {
    assert.equal(apply(now, { text: "a", epoch: "e1", version: 3 }), now);
    assert.equal(apply(now, { text: "a", epoch: "e0", version: 9 }), now);
  });

  it("takes the first of a new life", () => {
    const state = apply(now, { text: "a", epoch: "e2", version: 1 });
    assert.deepEqual([state.epoch, state.version], ["e2", 1]);
    const after = apply(state, { ...update(2, { c: customer }, joined), epoch: "e2" });
    assert.deepEqual([after.version, after.statusVersion], [2, 2]);
  });
});

describe("gapBefore", () => {
  const seen = apply(initialState, update(3, { a: admin }, left));

  it("is what lies between, when the history does not reach back", () => {
    const lost = { ...update(9, { a: admin }), recovered: false };
    assert.deepEqual(gapBefore(seen, lost), { from: 4, to: 9, epoch: "e1", isNewLife: false });
  });

  it("is what lies between, when the answer to sync never came", () => {
    const later = update(7, { a: admin }, joined);
    assert.deepEqual(gapBefore(seen, later), { from: 4, to: 6, epoch: "e1", isNewLife: false });
  });

  it("says that the session began anew", () => {
    const lost = { ...update(2, { a: admin }), recovered: false, epoch: "e2" };
    assert.deepEqual(gapBefore(seen, lost), { from: 1, to: 2, epoch: "e2", isNewLife: true });
  });

  it("is none where nothing is missing", () => {
    assert.equal(gapBefore(seen, update(4, { a: admin }, joined)), null);
    assert.equal(gapBefore(seen, update(2, { a: admin }, joined)), null);
    assert.equal(gapBefore(seen, { ...update(3, { a: admin }), recovered: false }), null);
    assert.equal(gapBefore(seen, update(9, { a: admin })), null);
    assert.equal(gapBefore(initialState, update(9, { a: admin }, joined)), null);
  });
});
