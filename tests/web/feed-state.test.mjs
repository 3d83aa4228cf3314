import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { initialFeedState, isComplete, isOccupied, start, take } from "../../web/feed-state.js";
import { Town } from "./town.mjs";

const SEEDS = Number(process.env.HADIR_SEEDS ?? 200);
const BEAT_MS = 30_000;

/** A console that only has the state. */
class Console {
  state = initialFeedState;
  beatAt = 0;

  constructor(town) {
    this.town = town;
    this.#go(start(this.state, 0));
  }

  #go({ state, ask }) {
    this.state = state;
    for (const message of ask) this.town.hear(message);
  }

  /** Time passes, and what has come by then is taken. */
  pass(ms) {
    for (const end = this.town.now + ms; this.town.now < end; ) {
      this.town.now = Math.min(this.town.now + 500, end);
      if (this.town.now - this.beatAt >= BEAT_MS) {
        this.beatAt = this.town.now;
        this.town.hear({ action: "heartbeat" });
      }
      this.take();
    }
  }

  take() {
    for (const frame of this.town.arrivals()) this.#go(take(this.state, frame, this.town.now));
  }

  reconnect() {
    this.town.cut();
    this.#go(start(this.state, this.town.now));
  }

  table() {
    const occupied = [...this.state.sessions].filter(([, { status }]) => isOccupied(status));
    return new Map(
      occupied.map(([id, { epoch, status, assignment }]) => [
        id,
        { epoch, users: Object.keys(status.users).sort(), holder: assignment?.user_id ?? null },
      ]),
    );
  }
}

function run(seed) {
  const town = new Town(seed);
  const { chance } = town;
  Object.assign(town, { trouble: chance() * 0.4, disorder: chance() });
  const console = new Console(town);
  for (let step = 0; step < 250; step += 1) {
    town.happen();
    if (chance() < 0.01) town.lose();
    if (chance() < 0.02) console.reconnect();
    if (chance() < 0.01) town.isWatched = false;
    if (chance() < 0.6) console.pass(chance() * 4_000);
  }
  // From now on nothing goes wrong any more, and in the end nothing happens.
  Object.assign(town, { trouble: 0 });
  for (let step = 0; step < 20; step += 1) {
    town.happen();
    console.pass(1_000);
  }
  for (let round = 0; round < 8; round += 1) town.announce();
  console.pass(6 * BEAT_MS);
  return { town, console };
}

describe("a console's table", () => {
  it("equals the server's in the end, whatever was lost, late or forgotten", () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { town, console } = run(seed);
      assert.deepEqual(console.table(), town.truth(), `seed ${seed}`);
      assert(isComplete(console.state), `seed ${seed}`);
    }
  });
});

const NOBODY = { users: {}, total_customer: 0, total_agent: 0 };
const ANNA = { users: { anna: { user_type: "customer" } }, total_customer: 1, total_agent: 0 };

const session = (status_version, connection_status, more = {}) => ({
  session_id: "s1", epoch: "e2", status_version, connection_status, ...more,
});
const page = (position, sessions, more = {}) => ({ type: "watching", data: { position, sessions, next: null, ...more } });
const feed = (previous, position, ...events) => ({
  type: "feed",
  data: { previous: { 7: previous }, position: { 7: position }, events: events.map((data) => ({ type: "x", data })) },
});

/** The state after frames, and what it asked for at last. */
function after(...frames) {
  let known = start(initialFeedState, 0);
  for (const frame of frames) known = take(known.state, frame, 1_000);
  return { ...known, session: known.state.sessions.get("s1") };
}

describe("what a console knows of a session", () => {
  it("is of its newest life, and its newest status", () => {
    const first = page({ 7: 10 }, [session(5, ANNA)]);
    assert.equal(after(first, feed(10, 11, session(4, NOBODY))).session.status, ANNA);
    assert.equal(after(first, feed(10, 11, session(9, NOBODY, { epoch: "e1" }))).session.status, ANNA);
    assert.equal(after(first, feed(10, 11, session(1, NOBODY, { epoch: "e3" }))).session.status, NOBODY);
  });

  it("is who has it by the newest that told of it, a status or an assignment", () => {
    const amy = { user_id: "amy", user_type: "agent" };
    const assigned = (version, assignment) => ({ session_id: "s1", epoch: "e2", version, assignment });
    const first = page({ 7: 10 }, [session(5, ANNA)]);
    const taken = after(first, feed(10, 11, assigned(6, amy)));
    assert.deepEqual([taken.session.assignment, taken.session.status], [amy, ANNA]);
    assert.equal(after(first, feed(10, 12, assigned(7, null), assigned(6, amy))).session.assignment, null);
    assert.equal(after(first, feed(10, 12, session(7, ANNA), assigned(6, amy))).session.assignment, null);
    assert.equal(after(first, feed(10, 12, assigned(6, amy), session(7, ANNA))).session.assignment, null);
  });

  it("is what a later list says of it: a node may have lost what was told before", () => {
    const later = page({ 7: 500 }, [session(3, NOBODY)], { recovered: false });
    assert.equal(after(page({ 7: 10 }, [session(5, ANNA)]), later).session.status, NOBODY);
  });

  it("is not taken from an older list that comes late", () => {
    const older = page({ 7: 10 }, [session(5, ANNA)], { recovered: false });
    const { state } = after(page({ 7: 500 }, []), older);
    assert.deepEqual([...state.sessions.keys()], []);
    assert.deepEqual(state.position, { 7: 500 });
  });

  it("is not taken from a frame of which all is known: a node may have lost it since", () => {
    const { state } = after(page({ 7: 500 }, []), feed(10, 11, session(5, ANNA)));
    assert.deepEqual([...state.sessions.keys()], []);
  });

  it("is forgotten once nobody is there and many are empty, but not before all is known", () => {
    const empty = Array.from({ length: 1_001 }, (_, at) => session(2, NOBODY, { session_id: `old${at}` }));
    const first = page({ 7: 10 }, [session(5, ANNA)]);
    const gap = feed(12, 13, ...empty);
    assert.equal(after(first, gap).state.sessions.size, 1_002);
    const { state } = after(first, gap, page({ 7: 13 }, [], { recovered: true }));
    assert.equal(state.sessions.size, 1_001);
    assert(state.sessions.has("s1") && !state.sessions.has("old0"));
  });
});

describe("a console asks", () => {
  it("for nothing before the first list is there, which says where it stands", () => {
    const { ask, state, session: known } = after(feed(10, 11, session(5, ANNA)));
    assert.deepEqual(ask, []);
    assert.equal(known.status, ANNA);
    assert.equal(isComplete(state), false);
  });

  it("on a new socket for what it missed, and for the page that did not come", () => {
    const { state } = after(page({ 7: 10 }, [], { next: "17.s1" }));
    const watch = { action: "watch", all: true, client_id: "watch-all" };
    assert.deepEqual(start(state, 2_000).ask, [{ ...watch, position: { 7: 10 } }, { ...watch, next: "17.s1" }]);
  });
});
