import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { noticesOf, summary } from "../../web/desk/attention.js";
import { departureOf, evidenceOf, isThere } from "../../web/desk/evidence.js";
import { add, initialLog } from "../../web/desk/log.js";
import { applyTable } from "../../web/desk/rows.js";
import { Store } from "../../web/desk/store.js";
import { at, gapsOf, place, timelineOf } from "../../web/desk/timeline.js";
import { trust } from "../../web/desk/trust.js";
import { Visit } from "../../web/desk/visit.js";
import { stopwatch } from "../../web/desk/words.js";
import { soon } from "./fakes.mjs";
import { iso, left, person, said, session, T } from "./desk-fakes.mjs";

const joined = (id, ms, version, type = "customer") => ({
  event_type: "user_connected", event_user_id: id, event_user_type: type, timestamp: iso(T + ms), version, epoch: "e1",
});
const gone = (id, ms, version, type = "customer") => ({ ...joined(id, ms, version, type), event_type: "user_disconnected", reason: "network_error" });

describe("the timeline of a session", () => {
  const events = [
    gone("early", 0, 1, "agent"),
    joined("anna", 1_000, 2),
    { id: "m", text: "Hello", user_id: "anna", user_type: "customer", timestamp: iso(T + 2_000), version: 3, epoch: "e1" },
    { assignment: { user_id: "amy", user_type: "agent" }, user_id: "amy", timestamp: iso(T + 3_000), version: 4, epoch: "e1" },
    gone("anna", 5_000, 5),
    joined("anna", 14_000, 6),
    gone("anna", 20_000, 7),
    joined("anna", 500_000, 8),
  ];
  const timeline = timelineOf(events, [person("dewi", { type: "admin", since: iso(T + 4_000) })]);

  it("has a lane for each person, customers first, and for who was there before what is known", () => {
    assert.deepEqual(timeline.lanes.map(({ id }) => id), ["anna", "early", "dewi"]);
    assert.deepEqual(timeline.lanes[1].spans.map(({ from, to }) => [from, to]), [[-Infinity, T]]);
    assert.deepEqual(timeline.lanes[2].spans.map(({ from, to }) => [from, to]), [[T + 4_000, Infinity]]);
    assert.deepEqual(timeline.ticks.map(({ kind }) => kind), ["message", "assignment"]);
    assert.equal(timeline.from, T);
  });

  it("shows a short absence as a gap", () => {
    assert.deepEqual(gapsOf(timeline.lanes[0]).map(({ from, to }) => [from - T, to - T]), [[5_000, 14_000]]);
  });

  it("says who was there then", () => {
    const then = (ms) => at(timeline, T + ms).people.map(({ id }) => id);
    assert.deepEqual(then(-1), ["early"]);
    assert.deepEqual(then(1_500), ["anna"]);
    assert.deepEqual(then(4_500), ["anna", "dewi"]);
    assert.deepEqual(then(5_000), ["dewi"]);
    assert.equal(at(timeline, T + 1_999).said, 0);
    assert.equal(at(timeline, T + 2_000).said, 1);
  });

  it("is drawn from its first event to now", () => {
    assert.equal(place(T, { from: T, to: T + 10 }), 0);
    assert.equal(place(T + 5, { from: T, to: T + 10 }), 0.5);
    assert.equal(place(Infinity, { from: T, to: T + 10 }), 1);
    assert.equal(place(-Infinity, { from: T, to: T + 10 }), 0);
    assert.deepEqual(timelineOf([]).lanes, []);
  });
});

describe("what is known of a session", () => {
  it("has each event once, in order, whichever way it came", () => {
    const live = add(initialLog, [joined("b", 0, 5)]);
    const whole = add(live, [joined("a", 0, 4), joined("b", 0, 5)], true);
    assert.deepEqual(whole.events.map(({ version }) => version), [4, 5]);
    assert.equal(add(whole, [joined("a", 0, 4)]), whole);
    assert.equal(add(whole, [{ epoch: "e1", status_version: 9 }]), whole, "a snapshot is no event");
  });

  it("has no event twice where the REST API gives it another epoch, and knows one's own messages", () => {
    const own = { ...joined("me", 1_000, 6), text: "Hi", id: "m6" };
    const live = add(initialLog, [joined("b", 0, 5), own]);
    const fetched = [{ ...joined("a", -5_000, 4), epoch: "e2" }, { ...joined("b", 0, 5), epoch: "e2" }];
    assert.deepEqual(add(live, fetched).events.map(({ version }) => version), [4, 5, 6]);
    assert.equal(add(live, [{ ...own, client_id: "c1" }]).events[1].client_id, "c1");
    assert.equal(add(add(live, [{ ...own, client_id: "c1" }]), [own]).events[1].client_id, "c1");
  });

  it("is read anew for each session that is opened, and what comes late for another is dropped", async () => {
    const answers = {};
    const history = (id) => new Promise((resolve) => (answers[id] = resolve));
    const visit = new Visit({ history, explain: async () => ({ people: [] }) }, () => {});
    visit.open("s1");
    visit.open("s2");
    visit.hear({ sessionId: "s2", type: "update", data: { ...joined("anna", 0, 2), connection_status: {}, assignment: null } });
    visit.hear({ sessionId: "s1", type: "update", data: joined("other", 0, 1) });
    answers.s1([joined("other", 0, 1)]);
    answers.s2([joined("amy", 0, 1)]);
    await soon();
    assert.deepEqual(visit.log.events.map((event) => event.event_user_id), ["amy", "anna"]);
    assert(!("assignment" in visit.log.events[1]), "an update is no assignment");
    assert(visit.log.isWhole);
  });

  it("says why the history cannot be read, and reads it when asked again", async () => {
    let isRefused = true;
    const history = async () => {
      if (isRefused) throw new Error("no history: 503");
      return [joined("amy", 0, 1)];
    };
    const visit = new Visit({ history, explain: async () => null }, () => {});
    visit.open("s1");
    await soon();
    assert.equal(visit.trouble, "no history: 503");
    isRefused = false;
    await visit.earlier();
    assert.equal(visit.trouble, null);
    assert.equal(visit.log.events.length, 1);
  });

  it("asks why people are there every 5 s, and at once when something has happened", async () => {
    let asked = 0;
    let isAway = false;
    const explain = async () => {
      if (isAway) throw new Error("no answer: 503");
      return { people: [(asked += 1)] };
    };
    const visit = new Visit({ history: async () => [], explain }, () => {});
    await visit.look(0);
    assert.equal(asked, 0, "nothing is open");
    visit.open("s1");
    for (const now of [0, 1_000, 4_999]) await visit.look(now);
    assert.equal(asked, 1);
    visit.hear({ sessionId: "s1", type: "update", data: joined("anna", 0, 2) });
    await visit.look(4_999);
    assert.equal(asked, 2);
    assert.deepEqual(visit.facts, { people: [2] });
    await visit.look(10_000);
    isAway = true;
    await visit.look(15_000);
    assert.equal(visit.facts, null, "what was heard 3 s ago is not, later");
  });

  it("is told in plain words, as the server can prove it", () => {
    const socket = { last_heard: iso(T - 3_000), api_gateway: { state: "open" }, token_expires_at: null, owed_status_since: null };
    assert.deepEqual(evidenceOf({ sockets: [socket] }, T), ["socket open, heard 3 s ago"]);
    const odd = { ...socket, api_gateway: { state: "gone" }, last_heard: null, owed_status_since: iso(T) };
    assert.deepEqual(evidenceOf({ sockets: [odd] }, T), ["socket gone, never heard, does not take what it is sent"]);
    assert.match(evidenceOf({ sockets: [{ ...socket, token_expires_at: iso(T) }] }, T)[0], /token until \d\d:\d\d$/);
    assert.match(evidenceOf({ sockets: [], in_grace_until: iso(T) }, T)[0], /^no socket; may be back until/);
  });
});

describe("why somebody has left whose leave was missed", () => {
  const facts = {
    people: [{ user_id: "anna", user_type: "customer" }],
    left: [{ user_id: "bob", user_type: "customer", left_at: iso(T), reason: "gone", evidence: "platform", close_code: null }],
  };

  it("is what the server says of their last leave", () => {
    const departure = departureOf(facts, { id: "bob", type: "customer" });
    assert.deepEqual([departure.timestamp, departure.reason, departure.evidence], [iso(T), "gone", "platform"]);
    assert.equal(departureOf(facts, { id: "bob", type: "agent" }), null);
    assert.equal(departureOf(null, { id: "bob", type: "customer" }), null);
    assert(isThere(facts, { id: "anna", type: "customer" }));
    assert(!isThere(facts, { id: "anna", type: "agent" }));
  });
});

describe("whether the desk can be believed", () => {
  const watcher = { connection: "open", isCurrent: true, heardAt: 1_000, delay: 40.6 };

  it("says how long the server takes, while it answers", () => {
    assert.deepEqual([trust(watcher, 12_900).isLive, trust(watcher, 12_900).text], [true, "Live · 41 ms"]);
    assert.equal(trust({ ...watcher, delay: null }, 1_000).text, "Live");
  });

  it("says since when nothing was heard", () => {
    const silent = trust(watcher, 13_100);
    assert.equal(silent.isLive, false);
    assert.equal(silent.text, "The server does not answer · last heard 12 s ago");
    const lost = trust({ ...watcher, connection: "reconnecting", isCurrent: false }, 131_000);
    assert.equal(lost.text, "Connection lost, trying again · last heard 2 min ago");
    assert.equal(trust({ ...watcher, isCurrent: false }, 1_500).text, "Catching up · last heard 0 s ago");
    assert.equal(trust({ ...watcher, connection: "connecting", heardAt: -Infinity }, 0).text, "Connecting");
  });
});

describe("what is worth a sound", () => {
  const mine = { assignment: { user_id: "me", user_type: "agent" } };
  const rowOf = (...given) => applyTable(new Map(), [session(...given)], T, true).rows.get(given[0]);
  const kinds = (before, row) => noticesOf(before, row, { id: "me", type: "agent" }).map(({ kind }) => kind);
  const here = rowOf("s1", [person("anna")], mine);
  const over = { ...here, state: "left" };
  const maybe = { ...here, state: "maybe back" };

  it("is that somebody waits, and what becomes of mine", () => {
    const waits = rowOf("s1", [person("anna", { state: { asked: iso(T) } })]);
    assert.deepEqual(kinds(undefined, waits), ["waits"]);
    assert.deepEqual(kinds(waits, { ...waits, unread: 3 }), []);
    assert.deepEqual(kinds(over, here), ["back"]);
    assert.deepEqual(kinds(here, { ...here, unread: 1 }), ["message"]);
  });

  it("is never a reload, nor what becomes of somebody else's", () => {
    assert.deepEqual(kinds(here, maybe), []);
    assert.deepEqual(kinds(over, over), []);
    assert.deepEqual(kinds(maybe, here), []);
    assert.deepEqual(kinds({ ...maybe, holder: null }, { ...over, holder: null }), []);
  });

  it("is summed up for who listens", () => {
    assert.equal(summary({ joined: 3, left: 1, waiting: 0 }), "3 joined, 1 left");
    assert.equal(summary({ joined: 0, left: 1, waiting: 2 }), "1 left, 2 are waiting");
    assert.equal(stopwatch(3_723.9), "1:02:03");
  });
});

describe("the store of a desk", () => {
  const begun = (...sessions) => {
    const store = new Store({ id: "me", type: "agent" });
    store.list(sessions, true);
    assert.deepEqual(store.advance(T, T, true), [], "what is there from the start is no news");
    return store;
  };

  it("takes all that has come at once, and says what is worth it", () => {
    const store = begun(session("s1", [person("anna")]), session("s2", [person("bob")]));
    assert.deepEqual(store.order, ["s1", "s2"]);
    store.hear({ ...said("Hi", T), sessionId: "s2" });
    store.hear(left("anna", T));
    store.list([session("s2", [person("bob")])], true);
    assert.deepEqual(store.advance(T + 300, T + 300, true).map(({ kind, row }) => [kind, row.id]), [["waits", "s2"]]);
    assert.deepEqual(store.order, ["s2", "s1"]);
    store.select("s1");
    assert.deepEqual(store.advance(T + 10_000, T + 10_000, true).map(({ kind, row }) => [kind, row.id]), [["left", "s1"]]);
    assert.deepEqual(store.happened, { joined: 0, left: 1 });
  });

  it("goes on where the clock was wrong before the server was heard", () => {
    const store = new Store({ id: "me", type: "agent" });
    store.list([], false);
    store.advance(T + 600_000, 0, true); // ten minutes fast
    store.list([session("s1", [person("anna")])], true);
    store.advance(T, 1_000, true);
    assert.deepEqual(store.order, ["s1"]);
  });

  it("does not say that somebody has left while it is out of date", () => {
    const store = begun(session("s1", [person("anna")]));
    store.select("s1");
    store.hear(left("anna", T));
    store.list([], false);
    assert.deepEqual(store.advance(T + 60_000, T + 60_000, true), []);
    store.list([session("s1", [person("anna")], { version: 3 })], true);
    assert.deepEqual(store.advance(T + 61_000, T + 61_000, true), []);
    assert.equal(store.row.state, "here");
  });

  it("counts no message as unread in the session that somebody looks at", () => {
    const store = begun(session("s1", [person("anna")]));
    store.select("s1");
    store.hear(said("Hi", T));
    store.advance(T + 1, T + 1, true);
    assert.equal(store.row.unread, 0);
    store.hear(said("Hello?", T + 1));
    store.advance(T + 2, T + 2, false);
    assert.equal(store.row.unread, 1, "they look elsewhere");
    store.select("s1");
    assert.equal(store.row.unread, 0);
  });

  it("moves no row while somebody points at one, until they sort", () => {
    const store = begun(session("s1", [person("anna")]), session("s2", [person("bob")]));
    store.hold(true);
    store.hear({ ...said("Hi", T), sessionId: "s2" });
    store.list([session("s1", [person("anna")]), session("s2", [person("bob")]), session("s0", [person("zoe")])], true);
    store.advance(T + 1_000, T + 1_000, true);
    assert.deepEqual([store.order, store.added], [["s1", "s2", "s0"], 1]);
    store.sort();
    store.advance(T + 1_001, T + 1_001, true);
    assert.deepEqual([store.order, store.added], [["s2", "s0", "s1"], 0]);
  });
});
