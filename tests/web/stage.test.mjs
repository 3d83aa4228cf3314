/** What the stage hands to its two windows, and what the shop makes of it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { carriedOn, customerOf, socketsOf } from "../../web/shop/where.js";
import { framesOf, shownAddress } from "../../web/stage/frames.js";
import { journey } from "../../web/stage/journey.js";

const USUAL = "http://localhost:8082/";
const CLAIMS = Buffer.from(JSON.stringify({ user: "budi", name: "Budi >>> ???" })).toString("base64url");
const TOKEN = `e30.${CLAIMS}.Ab-_0123456789xyz`;

const at = (/** @type {string} */ address) => new URL(address);

test("on the usual ports the windows need to be told nothing", () => {
  assert.deepEqual(framesOf(at(USUAL)), { shop: "shop/", desk: "desk/" });
});

test("on other ports both windows are told where sockets are, also if the address does not say", () => {
  const told = "?ws=ws%3A%2F%2Flocalhost%3A9500%2Flocal";
  const both = { shop: `shop/${told}`, desk: `desk/${told}` };
  assert.deepEqual(framesOf(at("http://localhost:9501/?ws=ws://localhost:9500/local")), both);
  assert.deepEqual(framesOf(at("http://localhost:9501/")), both);
});

test("each window gets the token of its own person only", () => {
  const { shop, desk } = framesOf(at(`${USUAL}#desk_token=a.b.c&customer_token=d.e.f`));
  assert.equal(shop, "shop/#customer_token=d.e.f");
  assert.equal(desk, "desk/#token=a.b.c");
});

test("the address line shows where somebody is, without what only the machinery reads", () => {
  const page = at("http://localhost:9501/shop/gayo.html?ws=ws://localhost:9500/local#customer_token=d.e.f");
  assert.equal(shownAddress(page), "localhost:9501/shop/gayo.html");
  assert.equal(shownAddress(at("http://localhost:8082/shop/index.html")), "localhost:8082/shop/");
});

test("the shop finds sockets where its address says, beside its own port, or where it is hosted", () => {
  assert.equal(socketsOf(at("http://localhost:8082/shop/?ws=ws://x:1/local")), "ws://x:1/local");
  assert.equal(socketsOf(at("http://[::1]:8082/shop/")), "ws://[::1]:8081/local");
  assert.equal(socketsOf(at("https://d1.cloudfront.example/shop/")), "/ws");
});

test("a link takes the query and the fragment along, within the shop", () => {
  const page = at("http://localhost:9501/shop/?ws=ws%3A%2F%2Fx#customer_token=d.e.f");
  assert.equal(carriedOn("gayo.html", page), "http://localhost:9501/shop/gayo.html?ws=ws%3A%2F%2Fx#customer_token=d.e.f");
  assert.equal(carriedOn("https://elsewhere.example/", page), "https://elsewhere.example/");
});

test("a token says who the customer is, and each token has a session of its own", () => {
  const customer = customerOf(at(`http://localhost:8082/shop/#customer_token=${TOKEN}`));
  assert.deepEqual(customer, { token: TOKEN, session: "demo-Ab-_01234567", user: "budi" });
});

test("without a token, or with what is none, the customer is a stranger", () => {
  for (const fragment of ["", "#customer_token=", "#customer_token=a.b.c", "#customer_token=e30.e30"]) {
    assert.equal(customerOf(at(`http://localhost:8082/shop/${fragment}`)), null);
  }
});

test("Back leads through the pages in the order in which they came, a reload is no page", () => {
  const been = journey();
  for (const page of ["/", "/gayo", "/gayo", "/checkout"]) {
    been.arrive(page);
  }
  assert.equal(been.back(), "/gayo");
  been.arrive("/gayo");
  assert.equal(been.canGoBack(), true);
  assert.equal(been.back(), "/");
  been.arrive("/");
  assert.equal(been.canGoBack(), false);
});
