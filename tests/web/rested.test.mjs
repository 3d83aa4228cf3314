import assert from "node:assert/strict";
import { test } from "node:test";
import { rested } from "../../web/rested.js";
import { FakeBrowser, soon } from "./fakes.mjs";

test("what changes in a turn is told once, at its end", async () => {
  let told = 0;
  const change = rested(new FakeBrowser().environment, () => (told += 1));
  change();
  change();
  assert.equal(told, 0);
  await soon();
  assert.equal(told, 1);
  change();
  await soon();
  assert.equal(told, 2);
});

test("what takes 10 ms to tell is told again after 90 ms at the earliest, with all that has changed", async () => {
  const browser = new FakeBrowser();
  const told = [];
  const change = rested(browser.environment, () => {
    told.push(browser.elapsed);
    browser.elapsed += 10;
  });
  change();
  await soon();
  change();
  await browser.pass(80);
  change();
  assert.deepEqual(told, [0]);
  await browser.pass(20);
  assert.deepEqual(told, [0, 100]);
});
