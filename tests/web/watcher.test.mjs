import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AssignmentError, HadirWatcher } from "../../web/watcher.js";
import { FakeBrowser, Session, burst, soon, update } from "./fakes.mjs";

const amy = { url: "wss://x/live", userId: "amy", userType: "agent" };
const POSITION = { 0: 10, 1: 20 };

/** A console that is open; what it is told, and what the server says. */
async function console_(options = {}) {
  const browser = new FakeBrowser();
  const watcher = new HadirWatcher({ ...amy, ...options }, browser.environment);
  const told = [];
  for (const type of ["sessions", "event", "gap", "connection", "closing", "error"]) {
    watcher.addEventListener(type, (event) => {
      event.preventDefault();
      told.push([type, event.detail]);
    });
  }
  watcher.start();
  await browser.pass(0);
  const hear = (type, data) => browser.socket.hear(type, data);
  const page = (sessions, more = {}) => hear("watching", { position: POSITION, sessions: sessions.map(listed), next: null, ...more });
  const feed = (previous, position, events) => hear("feed", { previous: { 0: previous }, position: { 0: position }, events });
  const named = (action) => browser.socket.said(action);
  const asked = (action) => named(action).map(({ client_id, ...said }) => said);
  return { browser, watcher, hear, page, feed, named, asked, told: (type) => told.filter(([name]) => name === type).map(([, detail]) => detail) };
}

function listed(session) {
  const { connection_status, ...data } = session.snapshot();
  const total_customer = Object.values(session.users).filter(({ user_type }) => user_type === "customer").length;
  const total_agent = Object.keys(session.users).length - total_customer;
  return { ...data, connection_status: { ...connection_status, total_customer, total_agent } };
}

/** A session with a customer, and one of its events as a frame. */
function sessionOf(browser, id, customer = "anna") {
  const session = new Session(browser, id);
  session.join(customer, "customer");
  return session;
}
const framed = (session, data, type = update) => ({ type, data: type === update ? { ...listed(session), ...data, connection_status: listed(session).connection_status } : data });

describe("the table of a console", () => {
  it("is what the server lists, without the console's own session", async () => {
    const { browser, watcher, page, asked, told } = await console_();
    assert.deepEqual(asked("watch"), [{ action: "watch", all: true }]);
    assert.match(browser.socket.address, /session_id=desk/);
    assert.equal(watcher.isCurrent, false);
    const session = sessionOf(browser, "s1");
    session.users.anna.name = "Anna Berg";
    const desk = new Session(browser, "desk");
    desk.join("amy", "agent");
    page([session, desk]);
    assert.equal(watcher.isCurrent, true);
    const [{ people, ...s1 }, ...others] = watcher.sessions;
    assert.deepEqual(others, []);
    assert.deepEqual(s1, {
      id: "s1", totals: { customer: 1, agent: 0 }, assignment: null, epoch: "e1", version: 1, since: "2026-01-24T00:00:00Z",
    });
    assert.deepEqual(people.map(({ id, name, presence }) => [id, name, presence]), [["anna", "Anna Berg", "here"]]);
    await soon();
    assert.equal(told("sessions").at(-1), watcher.sessions);
  });

  it("follows its feeds, and is told of once for all frames of a turn", async () => {
    const { browser, watcher, page, feed, told } = await console_();
    const [one, two] = [sessionOf(browser, "s1"), sessionOf(browser, "s2")];
    page([one]);
    await soon();
    const before = told("sessions").length;
    const unchanged = watcher.sessions[0];
    feed(10, 11, [framed(two, two.join("ben", "customer"))]);
    feed(11, 12, [framed(two, two.leave("ben"))]);
    feed(12, 13, [framed(two, two.assign("amy"), "assignment")]);
    await soon();
    assert.equal(told("sessions").length, before + 1);
    assert.deepEqual(watcher.sessions.map(({ id, assignment }) => [id, assignment?.user_id]), [["s1", undefined], ["s2", "amy"]]);
    assert.equal(watcher.sessions[0], unchanged, "what has not changed is the same object");
    feed(13, 14, [framed(two, two.leave("anna"))]);
    assert.deepEqual(watcher.sessions.map(({ id }) => id), ["s1"]);
  });

  it("is not current after a gap, until that is told", async () => {
    const { browser, watcher, page, feed, hear, asked } = await console_();
    const session = sessionOf(browser, "s1");
    page([session]);
    feed(12, 13, [framed(session, session.join("ben", "customer"))]);
    assert.equal(watcher.isCurrent, false);
    assert.deepEqual(asked("watch").at(-1), { action: "watch", all: true, position: { 0: 10 } });
    feed(13, 14, [framed(session, session.leave("ben"))]);
    assert.equal(asked("watch").length, 2, "one question for a feed");
    hear("watching", { position: { 0: 14 }, sessions: [], next: null, recovered: true });
    assert.equal(watcher.isCurrent, true);
  });

  it("is not current without a socket, and asks on the next for what it missed", async () => {
    const { browser, watcher, page, hear, asked } = await console_();
    page([sessionOf(browser, "s1")]);
    browser.socket.end();
    assert.equal(watcher.isCurrent, false);
    assert.equal(watcher.sessions.length, 1);
    await browser.pass(1_000);
    assert.deepEqual(asked("watch"), [{ action: "watch", all: true, position: POSITION }]);
    hear("watching", { position: POSITION, sessions: [], next: null, recovered: true });
    assert.equal(watcher.isCurrent, true);
  });

  it("is asked for again where the server has forgotten the watcher, and not before it can have heard", async () => {
    const { browser, page, asked } = await console_();
    page([]);
    assert.equal(asked("heartbeat").length, 1);
    assert.equal(asked("watch").length, 1);
    await browser.pass(31_000);
    assert.deepEqual(asked("watch")[1], { action: "watch", all: true, position: POSITION });
    browser.acknowledged = { feed: POSITION };
    await browser.pass(31_000);
    assert.equal(asked("watch").length, 3, "the answer did not come");
  });

  it("is not asked for again on a socket whose token is not for it", async () => {
    const { browser, hear, named, asked, told } = await console_();
    const [{ client_id }] = named("watch");
    hear("error", { code: "forbidden", message: "the token is not for all sessions", client_id });
    await browser.pass(100_000);
    assert.equal(asked("watch").length, 1);
    assert.equal(told("error").length, 1);
    browser.socket.end();
    await browser.pass(100_000);
    assert(asked("watch").length > 1);
  });

  it("is not current while Redis is away, until a heartbeat says that nothing was missed", async () => {
    const { browser, watcher, page, hear, told } = await console_();
    page([sessionOf(browser, "s1")]);
    await soon();
    const before = told("sessions").length;
    browser.answers = false;
    hear("error", { code: "unavailable", message: "try again in a moment" });
    await soon();
    assert.equal(watcher.isCurrent, false);
    assert.equal(told("sessions").length, before + 1);
    hear("heartbeat_ack", { feed: POSITION });
    assert.equal(watcher.isCurrent, true);
    await soon();
    assert.equal(told("sessions").length, before + 2);
    hear("error", { code: "unavailable", message: "try again in a moment" });
    hear("heartbeat_ack", { feed: { ...POSITION, 0: 12 } });
    assert.equal(watcher.isCurrent, false, "something was missed");
    hear("watching", { position: { 0: 12 }, sessions: [], next: null, recovered: true });
    assert.equal(watcher.isCurrent, true);
  });

  it("is asked for page by page", async () => {
    const { browser, watcher, page, asked } = await console_();
    page([sessionOf(browser, "s1")], { next: "17.s1" });
    assert.equal(watcher.isCurrent, false);
    assert.deepEqual(asked("watch")[1], { action: "watch", all: true, next: "17.s1" });
    browser.acknowledged = { feed: POSITION };
    await browser.pass(31_000);
    assert.deepEqual(asked("watch")[2], asked("watch")[1], "again where it does not come");
    page([sessionOf(browser, "s2")], { position: {} });
    assert.equal(watcher.isCurrent, true);
    assert.equal(watcher.sessions.length, 2);
  });

  it("is replaced, and a gap told, where the server keeps no more what was missed", async () => {
    const { browser, watcher, page, told } = await console_();
    page([sessionOf(browser, "s1")]);
    browser.socket.end();
    await browser.pass(1_000);
    page([sessionOf(browser, "s2")], { recovered: false, position: { 0: 500, 1: 500 } });
    assert.deepEqual(watcher.sessions.map(({ id }) => id), ["s2"]);
    assert.deepEqual(told("gap"), [{ sessionId: null }]);
  });
});

describe("an event", () => {
  it("is told once, also one of several in a frame", async () => {
    const { browser, page, feed, told } = await console_();
    const session = sessionOf(browser, "s1");
    page([session]);
    const events = [session.join("ben", "customer"), session.say("ben", "Hello"), session.assign("amy")];
    const frame = framed(session, burst(session, events));
    feed(10, 13, [frame]);
    feed(12, 14, [frame, framed(session, session.say("ben", "Anybody?"), "message")]);
    const kinds = told("event").map(({ sessionId, type, data }) => [sessionId, type, data.version, data.session_id]);
    assert.deepEqual(kinds, [
      ["s1", "update", 2, "s1"], ["s1", "message", 3, "s1"], ["s1", "assignment", 4, "s1"], ["s1", "message", 5, "s1"],
    ]);
    assert.equal(told("event")[0].data.event_user_id, "ben");
  });

  it("of the console's own session is not told", async () => {
    const { browser, page, feed, told } = await console_();
    const desk = new Session(browser, "desk");
    page([]);
    feed(10, 11, [framed(desk, desk.join("amy", "agent"))]);
    assert.deepEqual(told("event"), []);
  });
});

describe("to take a session", () => {
  const taken = (more) => ({ session_id: "s1", epoch: "e1", version: 2, user_id: "amy", assignment: { user_id: "amy", user_type: "agent" }, ...more });

  it("resolves when everyone is told", async () => {
    const { browser, watcher, page, hear, named, asked } = await console_();
    page([sessionOf(browser, "s1")]);
    const answer = watcher.take("s1");
    const [{ client_id }] = named("assign");
    assert.deepEqual(asked("assign")[0], { action: "assign", session_id: "s1" }, "for whom the token says");
    hear("assignment", taken({ client_id }));
    assert.deepEqual(await answer, { user_id: "amy", user_type: "agent" });
    assert.equal(watcher.sessions[0].assignment.user_id, "amy", "the table says so as well");
  });

  it("is refused where somebody else was faster, and says who", async () => {
    const { watcher, hear, named, told } = await console_();
    const answer = watcher.take("s1");
    const [{ client_id }] = named("assign");
    hear("error", { code: "conflict", message: "no", assigned: { user_id: "bob", user_type: "agent" }, client_id });
    await assert.rejects(answer, (error) => {
      assert(error instanceof AssignmentError);
      assert.deepEqual([error.code, error.assigned], ["conflict", { user_id: "bob", user_type: "agent" }]);
      return true;
    });
    assert.deepEqual(told("error"), [], "whoever asked is told");
  });

  it("is for whom the token is, whoever the page says", async () => {
    const { watcher, hear, named } = await console_();
    const answer = watcher.take("s1");
    hear("assignment", taken({ by_user_id: "amy" }));
    const [{ client_id }] = named("assign");
    const assignment = { user_id: "dewi", user_type: "admin" };
    hear("assignment", { ...taken({ client_id }), user_id: "dewi", assignment });
    assert.deepEqual(await answer, assignment, "and not what somebody else has taken meanwhile");
  });

  it("does not fail where something else is refused", async () => {
    const { watcher, hear, named, told } = await console_();
    const answer = watcher.take("s1");
    watcher.setState({ page: "/" });
    hear("error", { code: "rate_limited", message: "state: slow down" });
    hear("error", { code: "conflict", message: "of an earlier one", assigned: null, client_id: "assign-0" });
    assert.deepEqual(told("error").map(({ message }) => message), ["state: slow down"]);
    hear("assignment", taken({ client_id: named("assign")[0].client_id }));
    assert.equal((await answer).user_id, "amy");
  });

  it("is refused by name, and the state is not said again for that", async () => {
    const { browser, watcher, hear, named, asked } = await console_();
    watcher.setState({ page: "/" });
    const answer = watcher.take("s1");
    hear("error", { code: "rate_limited", message: "slow down", client_id: named("assign")[0].client_id });
    await assert.rejects(answer, { code: "rate_limited" });
    await browser.pass(5_000);
    assert.equal(asked("set_state").length, 1);
  });

  it("is asked for one after the other", async () => {
    const { watcher, hear, named, asked } = await console_();
    const [one, two] = [watcher.take("s1"), watcher.assign("s2", null, { expect: "bob" })];
    assert.equal(asked("assign").length, 1);
    hear("assignment", taken({ assignment: { user_id: "bob", user_type: "agent" }, user_id: "bob" }));
    assert.equal(asked("assign").length, 1, "that was what somebody else asked for");
    hear("error", { code: "conflict", message: "no", assigned: null });
    await assert.rejects(one);
    const [{ client_id: first }, { client_id: second }] = named("assign");
    assert.deepEqual(asked("assign")[1], { action: "assign", session_id: "s2", user_id: null, expect: "bob" });
    assert.notEqual(first, second);
    hear("assignment", { session_id: "s2", epoch: "e1", version: 5, user_id: null, assignment: null });
    assert.equal(await two, null);
  });

  it("is asked for again on a new socket, and where no answer comes, and at last given up", async () => {
    const { browser, watcher, asked } = await console_();
    const answer = watcher.take("s1");
    browser.socket.end();
    await browser.pass(1_000);
    assert.equal(asked("assign").length, 1);
    const failed = assert.rejects(answer, { code: "unanswered" });
    await browser.pass(25_000);
    assert.equal(asked("assign").length, 2);
    await failed;
  });

  it("waits for a socket, but no longer than 10 s", async () => {
    const { browser, watcher, asked } = await console_();
    browser.network = "mute";
    browser.socket.end();
    const soon = watcher.take("s1");
    await browser.pass(2_000);
    const later = watcher.take("s2");
    const failed = [assert.rejects(soon, { code: "offline" }), assert.rejects(later, { code: "offline" })];
    await browser.pass(8_000);
    await Promise.all(failed);
    const pressed = watcher.take("s3");
    browser.network = "open";
    await browser.pass(9_000);
    assert.deepEqual(asked("assign").map(({ session_id }) => session_id), ["s3"]);
    browser.network = "mute";
    browser.socket.end();
    const lost = assert.rejects(pressed, { code: "unanswered" });
    await browser.pass(10_000);
    await lost;
  });

  it("is not answered by what somebody else of that id gets", async () => {
    const { watcher, hear } = await console_();
    const answer = watcher.assign("s1", "amy", { userType: "admin" });
    hear("assignment", taken());
    hear("assignment", taken({ version: 2, assignment: { user_id: "amy", user_type: "admin", gone: true } }));
    hear("assignment", taken({ version: 3, assignment: { user_id: "amy", user_type: "admin" } }));
    assert.deepEqual(await answer, { user_id: "amy", user_type: "admin" });
  });

  it("fails when the console is closed", async () => {
    const { browser, watcher } = await console_();
    const answer = watcher.take("s1");
    watcher.close();
    await assert.rejects(answer, { code: "closed" });
    assert.equal(browser.timers, 0);
  });
});

describe("a session that is watched by itself", () => {
  const watched = async () => {
    const known = await console_({ all: false });
    const session = sessionOf(known.browser, "s1");
    known.watcher.watch("s1");
    return { ...known, session };
  };

  it("is current once its snapshot is there, and follows its events", async () => {
    const { watcher, session, hear, asked, told } = await watched();
    assert.deepEqual(asked("watch"), [{ action: "watch", session_id: "s1" }]);
    assert.equal(watcher.isCurrent, false);
    hear(update, listed(session));
    assert.equal(watcher.isCurrent, true);
    hear("message", session.say("anna", "Hello"));
    hear("assignment", session.assign("bob"));
    assert.equal(watcher.sessions[0].assignment.user_id, "bob");
    assert.deepEqual(told("event").map(({ type }) => type), ["message", "assignment"]);
    assert.equal(watcher.isCurrent, true);
    hear(update, framed(session, session.leave("anna")).data);
    assert.deepEqual(watcher.sessions.map(({ people }) => people), [[]], "it is watched, though nobody is there");
    watcher.unwatch("s1");
    assert.deepEqual(asked("unwatch"), [{ action: "unwatch", session_id: "s1" }]);
    assert.deepEqual(watcher.sessions, []);
  });

  it("is asked for what was missed, after a gap, a heartbeat, and on a new socket", async () => {
    const { browser, watcher, session, hear, asked, told } = await watched();
    hear(update, listed(session));
    session.say("anna", "lost");
    hear("message", session.say("anna", "Hello"));
    assert.equal(watcher.isCurrent, false);
    const since = { epoch: "e1", version: 1 };
    assert.deepEqual(asked("watch")[1], { action: "watch", session_id: "s1", since });
    hear(update, { ...listed(session), recovered: true });
    assert.equal(watcher.isCurrent, true);
    browser.acknowledged = { watching: [{ session_id: "s1", epoch: "e1", version: 4 }] };
    await browser.pass(0);
    const before = told("sessions").length;
    await browser.pass(31_000);
    assert.deepEqual(asked("watch")[2], { action: "watch", session_id: "s1", since: { epoch: "e1", version: 3 } });
    assert.equal(watcher.isCurrent, false);
    assert.equal(told("sessions").length, before + 1, "the table is told to be out of date");
    browser.socket.end();
    await browser.pass(1_000);
    assert.deepEqual(asked("watch"), [{ action: "watch", session_id: "s1", since: { epoch: "e1", version: 3 } }]);
  });

  it("is asked for once where several frames show that something is missing, also a new life", async () => {
    const { browser, session, hear, asked } = await watched();
    hear(update, listed(session));
    session.say("anna", "lost");
    for (const text of ["one", "two"]) hear("message", session.say("anna", text));
    assert.equal(asked("watch").length, 2);
    hear(update, { ...listed(session), recovered: true });
    Object.assign(session, { epoch: "e2", version: 0 });
    hear("message", session.say("anna", "again"));
    assert.deepEqual(asked("watch")[2].since, { epoch: "e1", version: 4 });
    await browser.pass(0);
  });

  it("that the token is not for is not asked for again on that socket, unless the page asks", async () => {
    const { browser, watcher, hear, named, asked, told } = await watched();
    watcher.watch("s2");
    const [, { client_id }] = named("watch");
    hear("error", { code: "forbidden", message: "the token is not for this session", client_id });
    assert.deepEqual(told("error").map(({ code, sessionId }) => [code, sessionId]), [["forbidden", "s2"]]);
    await browser.pass(100_000);
    const count = () => asked("watch").filter(({ session_id }) => session_id === "s2").length;
    assert.equal(count(), 1);
    assert(asked("watch").length > 1, "the other one is");
    assert.equal(watcher.isCurrent, false);
    watcher.watch("s2");
    assert.equal(count(), 2);
    hear("error", { code: "forbidden", message: "no", client_id: named("watch").at(-1).client_id });
    browser.socket.end();
    await browser.pass(1_000);
    assert.equal(count(), 1, "the next socket has another token");
    await browser.pass(100_000);
    assert(count() > 1, "that one was not answered");
  });

  it("is shown as all sessions are, where they tell of something newer", async () => {
    const { browser, watcher, hear, page, feed } = await console_();
    const session = sessionOf(browser, "s1");
    page([session]);
    watcher.watch("s1");
    hear(update, listed(session));
    feed(10, 11, [framed(session, session.join("ben", "customer"))]);
    assert.equal(watcher.sessions[0].totals.customer, 2);
  });

  it("says that there is a gap where the history does not reach back", async () => {
    const { browser, watcher, session, hear, told } = await watched();
    hear(update, listed(session));
    browser.socket.end();
    await browser.pass(1_000);
    session.version = 900;
    hear(update, { ...listed(session), recovered: false });
    assert.deepEqual(told("gap"), [{ sessionId: "s1" }]);
    assert.equal(watcher.isCurrent, true);
  });
});

describe("many sessions that are watched one by one", () => {
  it("are all asked for, and again on the next socket, no faster than the server takes it", async () => {
    const { browser, watcher, named } = await console_({ all: false });
    const ids = Array.from({ length: 100 }, (_, at) => `s${at}`);
    for (const id of ids) watcher.watch(id);
    for (let turn = 0; turn < 2; turn += 1) {
      const counts = [];
      for (let second = 0; second < 12; second += 1) {
        counts.push(browser.socket.sent.filter(({ action }) => action === "watch").length);
        await browser.pass(1_000);
      }
      assert(counts[0] >= 20 && counts[0] <= 31, `${counts[0]} at once`);
      counts.slice(1).forEach((count, at) => assert(count - counts[at] <= 8, `${counts}`));
      assert.deepEqual(named("watch").map(({ session_id }) => session_id), ids);
      browser.socket.end();
      for (let wait = 0; browser.openSockets.length === 0 && wait < 100; wait += 1) await browser.pass(10);
    }
  });

  it("are let go of no faster", async () => {
    const { browser, watcher, asked } = await console_({ all: false });
    const ids = Array.from({ length: 60 }, (_, at) => `s${at}`);
    for (const id of ids) watcher.watch(id);
    await browser.pass(10_000);
    for (const id of ids) watcher.unwatch(id);
    watcher.watch("s59");
    await browser.pass(0);
    assert(asked("unwatch").length <= 30);
    await browser.pass(10_000);
    assert.deepEqual(asked("unwatch").map(({ session_id }) => session_id), ids.slice(0, -1));
    assert.equal(asked("watch").at(-1).session_id, "s59", "what was meant last holds");
  });

  it("are not asked for once the console is closed", async () => {
    const { browser, watcher } = await console_({ all: false });
    for (let at = 0; at < 60; at += 1) watcher.watch(`s${at}`);
    watcher.close();
    assert.equal(browser.timers, 0);
  });
});

describe("a console", () => {
  it("is an agent's or an admin's", () => {
    const { environment } = new FakeBrowser();
    assert.throws(() => new HadirWatcher({ ...amy, userType: "customer" }, environment), /userType must be agent or admin/);
    assert.throws(() => new HadirWatcher({ ...amy, heartbeatMs: 1 }, environment), /heartbeatMs must be/);
  });

  it("says what goes wrong, and that it is put out", async () => {
    const { watcher, hear, told } = await console_();
    hear("error", { code: "forbidden", message: "the token is not for all sessions" });
    assert.equal(told("error")[0].code, "forbidden");
    hear("closing", { reason: "kicked", reconnect_after_ms: 0 });
    assert.equal(watcher.connection, "kicked");
    assert.equal(watcher.isCurrent, false);
  });

  it("shows its own state in its own session, and says it again where the server could not take it", async () => {
    const { browser, watcher, hear, asked } = await console_();
    watcher.setState({ busy: true });
    assert.deepEqual(asked("set_state"), [{ action: "set_state", state: { busy: true } }]);
    hear("error", { code: "unavailable", message: "try again in a moment" });
    await browser.pass(5_000);
    assert.deepEqual(asked("set_state")[1], { action: "set_state", state: { busy: true } });
  });

  it("has no table to trust while the browser is offline", async () => {
    const { browser, watcher, page, told } = await console_();
    page([sessionOf(browser, "s1")]);
    await soon();
    const before = told("sessions").length;
    browser.happen("offline");
    await soon();
    assert.equal(watcher.isCurrent, false);
    assert.equal(told("sessions").length, before + 1);
  });

  it("takes nothing once it is closed, and only what has an id", async () => {
    const { watcher, asked } = await console_();
    await assert.rejects(watcher.take(undefined), TypeError);
    await assert.rejects(watcher.assign("s1", undefined), TypeError);
    watcher.close();
    await assert.rejects(watcher.take("s1"), { code: "closed" });
    assert.deepEqual(asked("assign"), []);
  });

  it("asks the REST API why somebody is there, and whether agents can be reached", async (t) => {
    const { watcher } = await console_({ apiUrl: "https://x/", getToken: async () => "e30.e30.x" });
    const calls = [];
    t.mock.method(globalThis, "fetch", async (address, { headers } = {}) => {
      calls.push([address, headers?.Authorization]);
      return { ok: !address.includes("nobody"), status: 403, json: async () => ({ agents: "live" }) };
    });
    await watcher.explain("s 1");
    assert.deepEqual(await watcher.availability(), { agents: "live" });
    assert.deepEqual(calls, [
      ["https://x/api/session/s%201/explain", "Bearer e30.e30.x"],
      ["https://x/api/availability?tenant=default", undefined],
    ]);
    await assert.rejects(watcher.explain("nobody"), /no answer: 403/);
  });

  it("reads what happened in a session, and puts somebody out of it", async (t) => {
    const { watcher } = await console_({ apiUrl: "https://x" });
    const calls = [];
    t.mock.method(globalThis, "fetch", async (address, { method } = {}) => {
      calls.push([method, address]);
      const ok = !address.includes("nobody");
      return { ok, status: 404, json: async () => ({ events: [{ version: 1 }], error: { message: "not there" } }) };
    });
    assert.deepEqual(await watcher.history("s1", { before: 9, limit: 500 }), [{ version: 1 }]);
    await watcher.kick("s1", { id: "an/na", type: "customer" });
    await assert.rejects(watcher.kick("s1", { id: "nobody", type: "customer" }), /not put out: not there/);
    assert.deepEqual(calls.slice(0, 2), [
      [undefined, "https://x/api/session/s1/events?before=9&limit=200"],
      ["DELETE", "https://x/api/session/s1/users/an%2Fna?user_type=customer"],
    ]);
  });

  it("says how long the server takes to answer, and when it was last heard", async () => {
    const { browser, watcher, hear } = await console_();
    const heardAt = browser.elapsed;
    assert.equal(watcher.heardAt, heardAt);
    browser.answers = false;
    await browser.pass(30_040); // a heartbeat was sent 40 ms ago
    const server_time = new Date(watcher.serverNow() + 5_000).toISOString();
    hear("heartbeat_ack", { feed: {}, server_time });
    assert.equal(watcher.serverNow(), Date.parse(server_time));
    assert.equal(watcher.delay, 40);
    assert.equal(watcher.heardAt, heardAt + 30_040);
    browser.socket.end();
    await browser.pass(0);
    assert.equal(watcher.delay, null, "another socket may be slower");
  });
});
