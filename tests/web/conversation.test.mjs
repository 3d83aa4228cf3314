import assert from "node:assert/strict";
import { test } from "node:test";
import { addMessages } from "../../web/conversation.js";

const said = (id, version, epoch = "a") => ({ id, version, epoch, text: id, user_type: "customer" });

test("each message is listed once, in the session's order, however it came", () => {
  const live = addMessages([], [said("m3", 3)]);
  const all = addMessages(live, [said("m1", 1), said("m3", 3), said("m9", 2, "b"), { version: 2, event_type: "x" }]);
  assert.deepEqual(all.map(({ id }) => id), ["m1", "m3", "m9"]);
});

test("where nothing is new, the list stays the same object", () => {
  const list = addMessages([], [said("m1", 1)]);
  assert.equal(addMessages(list, [said("m1", 1)]), list);
});
