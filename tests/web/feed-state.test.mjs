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
