/** Sessions and events as a watcher tells them. */

export const T = Date.UTC(2026, 10, 27, 14, 0, 0);
export const iso = (ms) => new Date(ms).toISOString().replace(".000Z", "Z");

export function person(id, more = {}) {
  const usual = { type: "customer", presence: "here", since: iso(T), departure: null, settlesAt: Infinity };
  return { id, ...usual, ...more };
}

export function session(id, people, more = {}) {
  const totals = { customer: people.filter(({ type }) => type === "customer").length, agent: 0 };
  return { id, people, totals, assignment: null, epoch: "e1", version: 1, since: iso(T), ...more };
}

export const left = (id, at, more = {}) => ({
  sessionId: more.sessionId ?? "s1",
  type: "update",
  data: {
    event_type: "user_disconnected", event_user_type: "customer", event_user_id: id, epoch: "e1", version: 2,
    timestamp: iso(at), reason: "client_closed", close_code: 4001, evidence: "close_frame", ...more,
  },
});
export const said = (text, at, user_type = "customer") => ({
  sessionId: "s1", type: "message", data: { id: text, text, user_type, user_id: "x", timestamp: iso(at), version: 3, epoch: "e1" },
});
