import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { filter } from "../../web/desk/filter.js";
import { holderWords, statusOf } from "../../web/desk/row-words.js";
import { applyEvents, applyTable, explained, isFree, isWaiting, nameOf, pageOf, seen, settleRows } from "../../web/desk/rows.js";
import { arrange, count, hold, shownRows } from "../../web/desk/views.js";
import { iso, left, person, said, session, T } from "./desk-fakes.mjs";

const table = (...sessions) => applyTable(new Map(), sessions, T, true).rows;
const hear = (rows, ...events) => applyEvents(rows, events, T + 1_000, null).rows;

describe("a row", () => {
  it("is about the customer, by the name that is known", () => {
    const rows = table(session("s1", [person("amy", { type: "agent" }), person("anna", { state: { name: " Anna ", page: "/a?b#c" } })]));
    const row = rows.get("s1");
    assert.equal(row.customer.id, "anna");
    assert.equal(row.state, "here");
    assert.equal(row.stateSince, T);
    assert.equal(nameOf(row.customer), "Anna");
    assert.equal(pageOf(row.customer), "/a");
    assert.equal(nameOf(person("anna", { name: "Signed", state: { name: "Said" } })), "Signed");
    assert.equal(nameOf(person("anna", { state: { name: 7 } })), "anna");
  });

  it("stays the same object while its session does", () => {
    const one = session("s1", [person("anna")]);
    const rows = table(one);
    const next = applyTable(rows, [one], T + 5, true);
    assert.equal(next.rows, rows);
    assert.deepEqual(next.changed, []);
  });

  it("says that somebody may be back, and when they have left, why", () => {
    let rows = hear(table(session("s1", [person("anna")])), left("anna", T + 1_000));
    assert.equal(rows.get("s1").state, "maybe back");
    assert.equal(rows.get("s1").customer.departure.close_code, 4001);
    rows = applyTable(rows, [], T + 1_100, true).rows;
    assert.equal(rows.get("s1").session, null);
    assert.deepEqual(settleRows(rows, T + 10_900).settled, []);
    const over = settleRows(rows, T + 11_000);
    assert.deepEqual(over.settled.map(({ row, person }) => [row.id, person.id, person.presence]), [["s1", "anna", "left"]]);
    const row = over.rows.get("s1");
    assert.deepEqual(statusOf(row, T + 61_000), { kind: "left", text: "left", clock: "1:00", why: "closed the page" });
  });

  it("says once that somebody has left, with the last of their leaves", () => {
    const both = [person("anna"), person("amy", { type: "agent" })];
    let rows = hear(table(session("s1", both)), left("anna", T), left("anna", T - 9_000, { reason: "gone" }));
    assert.equal(rows.get("s1").customer.departure.reason, "client_closed");
    rows = settleRows(applyTable(rows, [session("s1", [both[1]])], T, true).rows, T + 10_000).rows;
    rows = hear(rows, left("amy", T + 11_000, { event_user_type: "agent" }));
    assert.deepEqual(settleRows(applyTable(rows, [], T, true).rows, T + 60_000).settled, []);
  });

  it("says of each of several customers that they have left", () => {
    const both = [person("anna"), person("bob", { since: iso(T + 1_000) })];
    let rows = hear(table(session("s1", both)), left("anna", T));
    rows = applyTable(rows, [session("s1", [both[1]], { version: 2 })], T, true).rows;
    assert.equal(rows.get("s1").customer.id, "bob");
    assert.deepEqual(settleRows(rows, T + 10_000).settled.map(({ person: { id } }) => id), ["anna"]);
  });

  it("keeps no more than a hundred people who have left", () => {
    let rows = table(session("s1", [person("anna")]));
    for (let at = 0; at < 130; at += 1) rows = settleRows(hear(rows, left(`v${at}`, T + at * 1_000)), T + 900_000).rows;
    assert.equal(rows.get("s1").people.length, 101);
    const ids = rows.get("s1").people.map(({ id }) => id);
    assert(ids.includes("v129") && !ids.includes("v0"));
  });

  it("learns later why somebody has left whose leave was missed", () => {
    const rows = settleRows(applyTable(table(session("s1", [person("anna")])), [], T, true).rows, T + 9_000).rows;
    const next = explained(rows, "s1", person("anna"), left("anna", T - 1_000).data, T + 9_000);
    assert.equal(next.get("s1").customer.departure.close_code, 4001);
    assert.equal(explained(rows, "unknown", person("anna"), {}, T), rows);
    const again = explained(next, "s1", person("anna"), { ...left("anna", T).data, close_code: 1000 }, T + 9_000);
    assert.equal(again.get("s1").customer.departure.close_code, 4001, "what was told is not replaced");
  });

  it("is as before where they are back in time, also if the leave is told late", () => {
    const rows = hear(table(session("s1", [person("anna")])), left("anna", T));
    const back = session("s1", [person("anna")], { version: 3 });
    const next = hear(applyTable(rows, [back], T + 2_000, true).rows, left("anna", T, { version: 2 }));
    assert.equal(next.get("s1").state, "here");
    assert.deepEqual(settleRows(next, T + 60_000).settled, []);
  });

  it("does not know why somebody has gone whose leave was missed, and gives them time", () => {
    const rows = applyTable(table(session("s1", [person("anna")])), [], T, true).rows;
    assert.equal(rows.get("s1").state, "maybe back");
    assert.equal(rows.get("s1").customer.departure, null);
    assert.equal(settleRows(rows, T + 5_000).rows.get("s1").state, "left");
  });

  it("believes nobody to be gone while the table may be out of date", () => {
    const rows = table(session("s1", [person("anna")]));
    assert.equal(applyTable(rows, [], T, false).rows, rows);
  });

  it("is forgotten after an hour, and of very many the oldest sooner", () => {
    const rows = table(...Array.from({ length: 250 }, (_, at) => session(`s${at}`, [person("anna")])));
    const all = Array.from({ length: 250 }, (_, at) => left("anna", T + at * 1_000, { sessionId: `s${at}` }));
    const gone = applyTable(hear(rows, ...all), [], T + 250_000, true).rows;
    const settled = settleRows(gone, T + 300_000).rows;
    const kept = settleRows(settled, T + 301_000).rows;
    assert.equal(kept.size, 200);
    assert(!kept.has("s0") && kept.has("s249"));
    assert.equal(settleRows(kept, T + 5_000_000).rows.size, 0);
  });

  it("waits from the first question that nobody has answered", () => {
    let rows = hear(table(session("s1", [person("anna")])), said("a", T + 1_000), said("b", T + 9_000));
    assert.equal(rows.get("s1").askedAt, T + 1_000);
    assert.equal(rows.get("s1").unread, 2);
    assert(isWaiting(rows.get("s1")));
    assert.deepEqual(statusOf(rows.get("s1"), T + 3_000), { kind: "waiting", text: "waiting", clock: "0:02", why: "" });
    assert.equal(seen(rows, "s1").get("s1").unread, 0);
    rows = hear(rows, said("c", T + 10_000, "agent"));
    assert(!isWaiting(rows.get("s1")));
    assert.equal(rows.get("s1").unread, 0);
  });

  it("waits as the customer's client says, also for a desk that was opened later", () => {
    const asked = iso(T - 60_000);
    const rows = table(session("s1", [person("anna", { state: { asked } })]), session("s2", [person("bob", { state: { asked: "x" } })]));
    assert.equal(rows.get("s1").askedAt, T - 60_000);
    assert(!isWaiting(rows.get("s2")));
  });

  it("is believed to wait for an hour at most, and not against an answer that was heard", () => {
    const claim = (asked) => table(session("s1", [person("anna", { state: { asked: iso(asked) } })])).get("s1").askedAt;
    assert.equal(claim(T - 9_000_000), T - 3_600_000);
    assert.equal(claim(T + 9_000), T);
    const asks = session("s1", [person("anna", { state: { asked: iso(T) } })]);
    const rows = hear(table(asks), said("Here you are", T + 1_000, "agent"));
    const same = session("s1", [person("anna", { state: { asked: iso(T), page: "/" } })], { version: 4 });
    assert.equal(applyTable(rows, [same], T + 2_000, true).rows.get("s1").askedAt, null);
  });

  it("waits no more when the customer's client says that somebody has answered", () => {
    const asks = session("s1", [person("anna", { state: { asked: iso(T) } })]);
    const answered = session("s1", [person("anna", { state: { page: "/" } })], { version: 2 });
    assert.equal(applyTable(table(asks), [answered], T, true).rows.get("s1").askedAt, null);
  });

  it("does not wait where somebody has it, unless they have gone", () => {
    const holder = { user_id: "dewi", user_type: "agent" };
    const asks = { people: [person("anna", { state: { asked: iso(T) } }), person("dewi", { type: "agent", name: "Dewi" })] };
    const held = table(session("s1", asks.people, { assignment: holder })).get("s1");
    assert(!isWaiting(held));
    assert.equal(statusOf(held, T + 1_000).kind, "asks");
    assert.equal(holderWords(held, { id: "budi", type: "agent" }), "Dewi");
    assert.equal(holderWords(held, { id: "dewi", type: "agent" }), "You");
    assert.equal(holderWords(held, { id: "dewi", type: "admin" }), "Dewi");
    const gone = table(session("s1", asks.people, { assignment: { ...holder, gone: true } })).get("s1");
    assert(isWaiting(gone));
    assert.deepEqual([isFree(gone), isFree(held), isFree({ ...gone, session: null })], [true, false, false]);
    assert.equal(holderWords(gone, { id: "budi", type: "agent" }), "Dewi (gone)");
  });

  it("is away since somebody was seen to look elsewhere", () => {
    const rows = table(session("s1", [person("anna")]));
    const away = session("s1", [person("anna", { state: { away: true } })], { version: 2 });
    const row = applyTable(rows, [away], T + 7_000, true).rows.get("s1");
    assert.equal(row.state, "away");
    assert.equal(row.stateSince, T + 7_000);
    assert.equal(table(away).get("s1").stateSince, null, "it was so before the desk was opened");
  });
});

const ME = { id: "me", type: "agent" };

describe("the order of the rows", () => {
  const mine = { user_id: "me", user_type: "agent" };
  const asked = (ms) => [person("c", { state: { asked: iso(T + ms) } })];
  const rows = hear(
    table(
      session("theirs", [person("c")], { assignment: { user_id: "Amy", user_type: "agent" }, since: iso(T + 1_000) }),
      session("free", [person("c")]),
      session("mine", [person("c")], { assignment: mine }),
      session("waits", asked(-1_000)),
      session("waits longer", asked(-9_000)),
      session("asks me", asked(-10), { assignment: mine }),
      session("gone", [person("c")]),
    ),
    left("c", T - 20_000, { sessionId: "gone" }),
  );
  const settled = settleRows(applyTable(rows, [...rows.values()].map((row) => row.session).filter(({ id }) => id !== "gone"), T, true).rows, T).rows;
  const shown = (view, query = "", now = T) =>
    arrange(settled.values(), { view, matches: filter(query), me: ME, now });

  it("has who needs somebody now at the top", () => {
    assert.deepEqual(shown("all"), ["asks me", "waits longer", "waits", "mine", "free", "theirs", "gone"]);
    assert.deepEqual(shown("waiting"), ["waits longer", "waits"]);
    assert.deepEqual(shown("mine"), ["asks me", "mine"]);
    assert.deepEqual(shown("left"), ["gone"]);
    assert(!shown("all", "", T + 100_000).includes("gone"), "who has left stays among all for a while");
    const counts = count(settled.values(), ME, T);
    assert.deepEqual(counts, { waiting: 2, mine: 2, all: 7, left: 1, here: 6, unread: 0 });
  });

  it("has who came last before who has been there for long, of those who need nobody", () => {
    const came = (id, ms) => session(id, [person("c")], { since: iso(T + ms) });
    const arrived = table(came("first", 0), came("last", 9_000));
    assert.deepEqual(arrange(arrived.values(), { view: "all", matches: () => true, me: ME, now: T }), ["last", "first"]);
  });

  it("takes nobody for somebody else with the same id", () => {
    const admin = { id: "me", type: "admin" };
    assert.equal(count(settled.values(), admin, T).mine, 0);
  });

  it("can be searched", () => {
    assert.deepEqual(shown("all", "WHY:closed"), ["gone"]);
    assert.deepEqual(shown("all", "who:AMY"), ["theirs"]);
    assert.deepEqual(shown("all", "is:waiting longer"), ["waits longer"]);
    assert.deepEqual(shown("all", "unknown:field"), []);
    assert.deepEqual(shown("all", "constructor:x"), []);
  });

  it("stays while somebody points at it; new rows come last", () => {
    const known = new Set(["a", "c", "d"]);
    assert.deepEqual(hold(["a", "b", "c"], ["d", "c", "a"], (id) => known.has(id)), ["a", "c", "d"]);
  });

  it("shows no more rows than can be seen", () => {
    assert.deepEqual(shownRows({ top: 0, height: 560, row: 56 }, 10_000, 6), { from: 0, to: 16 });
    assert.deepEqual(shownRows({ top: 56_000, height: 560, row: 56 }, 10_000, 6), { from: 994, to: 1_016 });
    assert.deepEqual(shownRows({ top: 56_000, height: 560, row: 56 }, 3, 6), { from: 3, to: 3 });
  });
});
