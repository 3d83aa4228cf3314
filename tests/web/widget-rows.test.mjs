import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { askedAt, partsOf, rowsOf, unreadOf } from "../../web/widget/rows.js";
import { afterDelivery, notShown } from "../../web/widget/unsent.js";

const ME = "visitor_1";

const at = (second) => `2026-01-24T12:00:${second}Z`;
const said = (user_id, version, more = {}) => ({
  ...{ id: `m${version}`, version, epoch: "e", text: `text ${version}`, timestamp: at(10 + version), user_id },
  ...{ user_type: user_id === ME ? "customer" : "agent", ...more },
});
const written = (clientId, text, more = {}) => ({ clientId, text, state: "waiting", timestamp: at(30), after: 0, ...more });
const rows = (messages, unsent = []) => rowsOf(messages, unsent, ME);

describe("rows", () => {
  it("are what was said, then what is not sent yet, and say whose they are", () => {
    const all = rows([said("dewi", 1), said(ME, 2), said(ME, 3, { user_type: "agent" })], [written("c", "x")]);
    assert.deepEqual(all.map(({ text, isMine }) => [text, isMine]), [
      ["text 1", false],
      ["text 2", true],
      ["text 3", false],
      ["x", true],
    ]);
  });
});

describe("unread", () => {
  it("are messages of others since the newest that was seen", () => {
    const all = rows([said("dewi", 1), said(ME, 2), said("dewi", 3), said("budi", 4)], [written("c", "x")]);
    assert.equal(unreadOf(all), 3);
    assert.equal(unreadOf(all, "m1"), 2);
    assert.equal(unreadOf(all, "m3"), 1);
    assert.equal(unreadOf(all, "m4"), 0);
    assert.equal(unreadOf(all, "so old that it is not shown"), 3);
  });
});

describe("a visitor waits for an answer", () => {
  const asked = (messages, unsent) => askedAt(rows(messages, unsent));

  it("since their first message after the last of the team", () => {
    assert.equal(asked([]), undefined);
    assert.equal(asked([said(ME, 1), said(ME, 2)]), at(11));
    assert.equal(asked([said(ME, 1), said("dewi", 2)]), undefined);
    assert.equal(asked([said(ME, 1), said("dewi", 2), said(ME, 3), said(ME, 4)]), at(13));
  });

  it("whatever another customer says", () => {
    const another = said("visitor_2", 2, { user_type: "customer" });
    assert.equal(asked([said(ME, 1), another]), at(11));
    assert.equal(asked([said("dewi", 1), another]), undefined);
  });

  it("also where it is on its way, but not where it was not sent", () => {
    assert.equal(asked([said("dewi", 1)], [written("c", "x")]), at(30));
    assert.equal(asked([said(ME, 1)], [written("c", "x")]), at(11));
    assert.equal(asked([said("dewi", 1)], [written("c", "x", { state: "failed" })]), undefined);
  });
});

describe("what is not sent yet", () => {
  const one = written("c1", "yes", { after: 5 });
  const two = written("c2", "yes", { after: 5 });

  it("follows what the client tells of it", () => {
    const tried = afterDelivery([one, two], { clientId: "c1", state: "sending", version: null, triedAt: 1_000 });
    assert.deepEqual(tried.map(({ state, triedAt }) => [state, triedAt]), [
      ["sending", 1_000],
      ["waiting", undefined],
    ]);
    const sent = afterDelivery(tried, { clientId: "c1", state: "sent", version: 6, triedAt: 1_000 });
    assert.deepEqual(sent.map(({ state, version, after }) => [state, version, after]), [
      ["sent", 6, 5],
      ["waiting", undefined, 6],
    ]);
  });

  it("is shown until the messages show it, each of them once", () => {
    const shown = (unsent, messages) => notShown(unsent, messages, ME).map(({ clientId }) => clientId);
    const yes = { text: "yes" };
    assert.deepEqual(shown([one, two], []), ["c1", "c2"]);
    assert.deepEqual(shown([one, two], [said(ME, 5, yes)]), ["c1", "c2"], "an earlier one");
    assert.deepEqual(shown([one, two], [said(ME, 6, yes)]), ["c2"]);
    assert.deepEqual(shown([one, two], [said("dewi", 6, yes)]), ["c1", "c2"], "of somebody else");
    const sent = { ...one, state: "sent", version: 9 };
    assert.deepEqual(shown([sent], [said(ME, 8, yes)]), ["c1"], "another with the same text");
    assert.deepEqual(shown([sent], [said(ME, 9, yes)]), []);
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
