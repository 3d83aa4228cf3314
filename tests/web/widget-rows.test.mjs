import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { partsOf, rowsOf, unreadOf } from "../../web/widget/rows.js";
import { afterDelivery, notShown } from "../../web/widget/unsent.js";

const ME = "visitor_1";
const NOON = new Date(2026, 0, 24, 12).getTime();

const said = (user_id, version, text = `text ${version}`, more = {}) => ({
  ...{ id: `m${version}`, version, epoch: "e", text, user_id, user_type: user_id === ME ? "customer" : "agent" },
  ...{ timestamp: new Date(NOON + version * 1_000).toISOString(), ...more },
});
const written = (clientId, text, more = {}) => ({ clientId, text, state: "waiting", at: NOON + 100_000, after: 0, ...more });
const rows = (messages, unsent = [], now = NOON) => rowsOf(messages, unsent, ME, ({ user_id }) => user_id, now);

describe("rows", () => {
  it("are grouped by who says them", () => {
    const all = rows([said("dewi", 1), said("dewi", 2), said(ME, 3), said("budi", 4)], [written("c", "x")]);
    assert.deepEqual(all.map(({ isMine, isFirst }) => [isMine, isFirst]), [
      [false, true],
      [false, false],
      [true, true],
      [false, true],
      [true, true],
    ]);
  });

  it("tell of a day that is not today's, and of the next", () => {
    const yesterday = said("dewi", 1, "old", { timestamp: new Date(NOON - 86_400_000).toISOString() });
    const all = rows([yesterday, said("dewi", 2), said("dewi", 3)]);
    assert.deepEqual(all.map(({ isNewDay, isFirst }) => [isNewDay, isFirst]), [
      [true, true],
      [true, true],
      [false, false],
    ]);
    assert.equal(rows([said("dewi", 1)])[0].isNewDay, false);
  });

  it("say of the last own message that it is sent, and of each unsent one what becomes of it", () => {
    const states = (messages, unsent) => rows(messages, unsent).map(({ state }) => state);
    assert.deepEqual(states([said(ME, 1), said(ME, 2)]), [null, "sent"]);
    assert.deepEqual(states([said(ME, 1), said("dewi", 2)]), [null, null]);
    assert.deepEqual(states([said(ME, 1)], [written("c", "x", { state: "failed" })]), [null, "failed"]);
  });

  it("keep their key when what was written becomes a message", () => {
    assert.equal(rows([], [written("c1", "x")])[0].key, "c1");
    assert.equal(rows([said(ME, 1, "x", { client_id: "c1" })])[0].key, "c1");
    assert.equal(rows([said("dewi", 1)])[0].key, "m1");
  });
});

describe("unread", () => {
  it("are messages of others since the newest that was seen, also in a later epoch", () => {
    const all = [said("dewi", 1), said(ME, 2), said("dewi", 3), said("dewi", 1, "new", { epoch: "f" })];
    assert.equal(unreadOf(all, undefined, ME), 3);
    assert.equal(unreadOf(all, { epoch: "e", version: 1 }, ME), 2);
    assert.equal(unreadOf(all, { epoch: "e", version: 3 }, ME), 1);
    assert.equal(unreadOf(all, { epoch: "f", version: 1 }, ME), 0);
  });
});

describe("what is not sent yet", () => {
  const one = written("c1", "yes", { after: 5 });
  const two = written("c2", "yes", { after: 5 });

  it("follows what the client tells of it, and remembers when it was first tried", () => {
    const tried = afterDelivery([one, two], { clientId: "c1", state: "sending", version: null }, 1_000);
    assert.deepEqual(tried.map(({ state, triedAt }) => [state, triedAt]), [
      ["sending", 1_000],
      ["waiting", undefined],
    ]);
    const again = afterDelivery(tried, { clientId: "c1", state: "sending", version: null }, 2_000);
    assert.equal(again[0].triedAt, 1_000);
    const sent = afterDelivery(again, { clientId: "c1", state: "sent", version: 6 }, 3_000);
    assert.deepEqual(sent.map(({ state, version, after }) => [state, version, after]), [
      ["sent", 6, 5],
      ["waiting", undefined, 6],
    ]);
  });

  it("is shown until the messages show it, each of them once", () => {
    const shown = (unsent, messages) => notShown(unsent, messages, ME).map(({ clientId }) => clientId);
    assert.deepEqual(shown([one, two], []), ["c1", "c2"]);
    assert.deepEqual(shown([one, two], [said(ME, 5, "yes")]), ["c1", "c2"], "an earlier one");
    assert.deepEqual(shown([one, two], [said(ME, 6, "yes")]), ["c2"]);
    assert.deepEqual(shown([one, two], [said("dewi", 6, "yes")]), ["c1", "c2"], "of somebody else");
    const sent = { ...one, state: "sent", version: 9 };
    assert.deepEqual(shown([sent], [said(ME, 8, "yes")]), ["c1"], "another with the same text");
    assert.deepEqual(shown([sent], [said(ME, 9, "yes")]), []);
  });
});

describe("addresses in a text", () => {
  const links = (text) => partsOf(text).filter((_, place) => place % 2);

  it("are found without the sentence around them", () => {
    assert.deepEqual(links("See https://a.example/b?c=d#e, or (http://x.example)."), [
      "https://a.example/b?c=d#e",
      "http://x.example",
    ]);
    assert.equal(partsOf("See https://a.example. Yes").join(""), "See https://a.example. Yes");
  });

  it("are those of the web only", () => {
    for (const text of ["javascript:alert(1)", "data:text/html,x", "xhttp:/a", "www.example.com", "ftp://x.example"]) {
      assert.deepEqual(links(text), [], text);
    }
  });
});
