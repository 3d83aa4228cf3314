import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { askForSingle, initialSingle, takeBeatForSingle, takeForSingle } from "../../web/single-state.js";
import { toldOnce } from "../../web/told-once.js";
import { chanceOf } from "./town.mjs";

const SEEDS = Number(process.env.HADIR_SEEDS ?? 100);
const BEAT_MS = 30_000;
const LATEST_MS = 8_000;
const KEPT = 15;

/** A session on a server, and a console that watches it over a bad line. */
class Watched {
  now = 0;
  trouble = 0;
  disorder = 0;
  isWatched = false;
  epochs = 1;
  version = 0;
  kept = [];
  lostUpTo = 0;
  single = initialSingle("s1");
  once = toldOnce();
  told = [];
  gaps = 0;
  #way = [];

  constructor(seed) {
    this.chance = chanceOf(seed);
    this.#go(askForSingle(this.single, 0));
  }

  get epoch() {
    return `e${String(this.epochs).padStart(6, "0")}`;
  }

  /** A status that says which version it reflects. */
  #snapshot(more) {
    const { epoch, version } = this;
    return { session_id: "s1", epoch, status_version: version, connection_status: { version, epoch }, ...more };
  }

  #go({ single, ask }) {
    this.single = single;
    for (const message of ask) if (this.chance() >= this.trouble) this.#answer(message);
  }

  #answer({ since }) {
    this.isWatched = true;
    if (!since) return this.#post([this.#snapshot()]);
    const isKept = since.epoch === this.epoch && since.version >= this.version - this.kept.length;
    if (!isKept) return this.#post([this.#snapshot({ recovered: false })]);
    const missed = this.kept.filter(({ version }) => version > since.version);
    const alone = missed.map((event) => this.#snapshot({ ...event, recovered: true }));
    if (missed.length <= 5) return this.#post([...alone, this.#snapshot({ recovered: true })]);
    const events = missed.slice(0, 3);
    const part = { session_id: "s1", epoch: this.epoch, events };
    this.#post([part, this.#snapshot({ recovered: true, events: missed.slice(3) })]);
  }

  #post(frames) {
    const at = this.now + (this.chance() < this.disorder ? this.chance() * LATEST_MS : 0);
    for (const frame of frames) {
      if (this.chance() < this.trouble) return;
      this.#way.push({ at, frame });
    }
  }

  happen() {
    this.version += 1;
    const event = { version: this.version, event_type: "user_connected", event_user_id: `u${this.version}` };
    this.kept = [...this.kept, event].slice(-KEPT);
    if (this.isWatched) this.#post([this.#snapshot(event)]);
  }

  /** The server has lost the last events, and lets versions go on from there. */
  lose() {
    this.epochs += 1;
    this.version = Math.max(this.version - Math.floor(this.chance() * 3), 0);
    this.kept = [];
    this.isWatched = this.chance() < 0.5;
  }

  reconnect() {
    this.#way = [];
    this.isWatched = false;
    this.#go(askForSingle(this.single, this.now));
  }

  #take(data) {
    if (data.recovered === false) this.gaps += 1;
    this.#go(takeForSingle(this.single, data, this.now));
    const { epoch, events = [data] } = data;
    for (const event of events) {
      const each = { session_id: "s1", epoch, version: event.version };
      if (this.once.isNew(each)) this.told.push(`${epoch} ${event.version}`);
    }
  }

  pass(ms) {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 1_000;
      this.#way.sort((a, b) => a.at - b.at);
      while (this.#way.length && this.#way[0].at <= this.now) this.#take(this.#way.shift().frame);
      if (this.now % BEAT_MS) continue;
      const { epoch, version } = this;
      const watching = this.isWatched ? [{ session_id: "s1", epoch, version }] : [];
      if (this.chance() >= this.trouble) this.#go(takeBeatForSingle(this.single, watching, this.now));
    }
  }
}

describe("a session that is watched by itself", () => {
  it("is known as it is in the end, and each of its events told once", () => {
    let complete = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const watched = new Watched(seed);
      const { chance } = watched;
      watched.pass(10_000);
      const isGentle = seed % 2; // nothing that happened is lost, so that all of it must be told
      const first = watched.single.place.version;
      Object.assign(watched, { trouble: chance() * 0.4, disorder: chance() });
      for (let step = 0; step < 150; step += 1) {
        watched.happen();
        if (!isGentle && chance() < 0.02) watched.lose();
        if (chance() < 0.02) watched.reconnect();
        if (chance() < 0.01) watched.isWatched = false;
        watched.pass(chance() * (isGentle ? 20_000 : 4_000));
      }
      watched.trouble = 0;
      watched.pass(4 * BEAT_MS);

      const { single, epoch, version, told, gaps } = watched;
      assert.deepEqual(single.place, { epoch, version }, `seed ${seed}`);
      assert.deepEqual(single.session.status, { epoch, version }, `seed ${seed}`);
      assert(single.isProved, `seed ${seed}`);
      assert.equal(new Set(told).size, told.length, `seed ${seed}`);
      if (gaps) continue;
      assert.equal(told.length, version - first, `seed ${seed}`);
      complete += 1;
    }
    assert(complete > SEEDS / 4, `${complete} without a gap`);
  });
});
