import assert from "node:assert/strict";
import { test } from "node:test";
import { addMessages } from "../../web/conversation.js";

const said = (id, version, epoch = "a", timestamp = "2026-01-24T10:00:00Z") =>
  ({ id, version, epoch, text: id, user_type: "customer", timestamp });

test("each message is listed once, in the session's order, however it came", () => {
  const live = addMessages([], [said("m3", 3)]);
  const all = addMessages(live, [
    said("m1", 1), said("m3", 3), said("m9", 2, "b", "2026-01-24T11:00:00Z"), { version: 2, event_type: "x" },
  ]);
  assert.deepEqual(all.map(({ id }) => id), ["m1", "m3", "m9"]);
});

test("where nothing is new, the list stays the same object", () => {
  const list = addMessages([], [said("m1", 1)]);
  assert.equal(addMessages(list, [said("m1", 1)]), list);
});

test("what was said earlier stays before what was said later, though the REST API calls its epoch the later one", () => {
  const live = addMessages([], [said("m5", 5, "a", "2026-01-24T10:05:00Z")]);
  const all = addMessages(live, [said("m4", 4, "b", "2026-01-24T10:04:00Z"), said("m1", 1, "b", "2026-01-24T10:06:00Z")]);
  assert.deepEqual(all.map(({ id }) => id), ["m4", "m5", "m1"]);
});
