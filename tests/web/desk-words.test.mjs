import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  durationWords,
  eventWords,
  evidenceWords,
  reasonWords,
  timeWords,
} from "../../web/desk/words.js";

const me = { id: "admin_456", type: "admin" };
const joined = {
  event_type: "user_connected",
  event_user_id: "customer_123",
  event_user_type: "customer",
  timestamp: "2026-01-24T10:30:00Z",
};
const left = { ...joined, event_type: "user_disconnected", reason: "client_closed", evidence: "close_frame" };

describe("reasonWords", () => {
  it("tells a page that was left from one that crashed, and from a button that was pressed", () => {
    const words = [4001, 1001, 1000, 3456, undefined].map((code) => reasonWords({ reason: "client_closed", close_code: code }));
    assert.deepEqual(words, [
      "closed the page or followed a link",
      "went as the tab crashed, or without a word",
      "pressed Leave",
      "closed the connection",
      "closed the connection",
    ]);
  });

  it("has words for each reason of the protocol", () => {
    const reasons = ["network_error", "idle_timeout", "duration_limit", "heartbeat_timeout", "kicked", "token_expired", "rate_limited", "gone"];
    const words = reasons.map((reason) => reasonWords({ reason }));
    assert.equal(new Set(words).size, reasons.length);
    assert.ok(words.every((each) => each !== "nobody knows why" && !each.includes("_")));
  });

  it("admits what is not known", () => {
    for (const reason of ["unknown", undefined, "of a later server"]) {
      assert.equal(reasonWords({ reason }), "nobody knows why");
    }
    assert.equal(reasonWords(null), "nobody knows why");
  });
});

describe("evidenceWords", () => {
  it("says how a leave is known", () => {
    const of = (reason, evidence) => evidenceWords({ reason, evidence });
    assert.equal(of("client_closed", "close_frame"), "the browser said goodbye");
    assert.equal(of("gone", "platform"), "API Gateway says the socket is gone");
    assert.equal(of("heartbeat_timeout", "silence"), "nothing was heard");
    assert.equal(of("kicked", "server"), "the server closed it");
    assert.equal(of("unknown", undefined), "");
    assert.equal(evidenceWords(null), "");
  });

  it("claims no goodbye where the browser said none", () => {
    assert.equal(evidenceWords({ reason: "network_error", evidence: "close_frame" }), "the connection broke off");
    assert.equal(evidenceWords({ reason: "idle_timeout", evidence: "close_frame" }), "API Gateway closed it");
  });
});

describe("durationWords", () => {
  it("has no more in it than one looks for", () => {
    const words = [-5, 0, 3.9, 59, 60, 3599, 3600, 3900, 90_000].map(durationWords);
    assert.deepEqual(words, ["0 s", "0 s", "3 s", "59 s", "1 min", "59 min", "1 h", "1 h 5 min", "25 h"]);
  });
});

describe("timeWords", () => {
  it("is the time where one is, with the day where it was another", () => {
    const now = new Date(2026, 0, 24, 14, 31, 7).getTime();
    assert.equal(timeWords(now, now), "14:31:07");
    assert.equal(timeWords(new Date(2026, 0, 24, 0, 5, 0).toISOString(), now), "00:05:00");
    assert.match(timeWords(new Date(2026, 0, 23, 23, 59, 59).getTime(), now), /^(23 Jan|Jan 23), 23:59:59$/);
  });
});

describe("eventWords", () => {
  const said = (data, who = me) => {
    const words = eventWords(data, who);
    return `${words.who} ${words.what}`;
  };

  it("says who came, and after how long they are back", () => {
    assert.equal(said(joined), "customer_123 came in");
    assert.equal(said({ ...joined, reconnected: true, offline_seconds: 3 }), "customer_123 is back after 3 s");
    assert.equal(said({ ...joined, reconnected: true, offline_seconds: 0 }), "customer_123 is back at once");
  });

  it("says why somebody left, and how that is known", () => {
    assert.equal(said({ ...left, close_code: 4001 }), "customer_123 left");
    assert.deepEqual(eventWords({ ...left, close_code: 4001 }, me).why, [
      "closed the page or followed a link",
      "the browser said goodbye",
    ]);
    const kicked = { ...left, reason: "kicked", evidence: "server" };
    assert.equal(said(kicked), "customer_123 was put out");
    assert.deepEqual(eventWords(kicked, me).why, ["the server closed it"]);
  });

  it("calls oneself you, and nobody else who has the same id", () => {
    const customer = { id: "customer_123", type: "customer" };
    assert.equal(said(joined, customer), "You came in");
    assert.equal(said({ ...joined, reconnected: true, offline_seconds: 3 }, customer), "You are back after 3 s");
    assert.equal(said({ ...left, reason: "kicked" }, customer), "You were put out");
    assert.equal(said(joined, { ...customer, type: "agent" }), "customer_123 came in");
  });
});
