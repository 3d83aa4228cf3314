import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { identityOf } from "../../web/widget/identity.js";
import { kept } from "../../web/widget/kept.js";
import { languageOf, textsOf } from "../../web/widget/texts.js";
import { agentsOf, headerOf } from "../../web/widget/who.js";

const say = textsOf("en", {});

const CONNECTIONS = ["connecting", "reconnecting", "offline", "kicked", "unauthorized", "unsupported"];

describe("texts", () => {
  it("are Indonesian where that is wished for, else English", () => {
    for (const wish of ["id", "ID", "id-ID"]) assert.equal(languageOf(wish), "id");
    for (const wish of [undefined, "", "de", "idle", "en-ID"]) assert.equal(languageOf(wish), "en");
    assert.equal(textsOf("id", {})("send"), "Kirim");
    assert.equal(say("skip"), "Skip");
  });

  it("may be the site's own, and take any name as it is", () => {
    const own = textsOf("id", { "text-send": "Go" });
    assert.deepEqual([own("send"), own("save")], ["Go", "Simpan"]);
    assert.equal(say("and", 3, "$& {n}"), "$& {n} and 3 more");
  });

  it("are nothing where there is no key", () => {
    assert.deepEqual([say(""), say("closed")], ["", ""]);
  });

  it("are there for each key that is said, in both languages, and the guide names their keys", () => {
    const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
    const known = [...read("web/widget/texts.js").matchAll(/^([\w-]+)\|[^|\n]+\|[^|\n]+$/gm)].map(([, key]) => key);
    const guide = read("docs/integrate.md").split("### Its texts")[1].split("## ")[0];
    assert.deepEqual(known.filter((key) => !guide.includes(`\`${key}\``)), []);
    const code = readdirSync(new URL("../../web/widget", import.meta.url)).map((name) => read(`web/widget/${name}`));
    const said = [...code.join("").matchAll(/say\((?:[^"()]*\? )?"([\w-]+)"(?: : "([\w-]+)")?/g)];
    assert.ok(said.length > 15);
    for (const key of said.flatMap(([, one, other]) => [one, other ?? one])) assert.ok(known.includes(key), key);
    for (const state of ["waiting", "sending", "sent", "failed", ...CONNECTIONS]) assert.ok(say(state), state);
  });
});

describe("the header", () => {
  const person = (id, more) => ({ id, type: "agent", presence: "here", ...more });
  const header = (people, total = 0, availability = "") => {
    return headerOf(agentsOf(people), total, availability, say);
  };

  it("names who is there to answer, and no customer", () => {
    const customer = person("visitor_1", { type: "customer" });
    assert.deepEqual(header([customer, person("a", { name: "Dewi" })], 1), ["Dewi", "We are here", "here"]);
    assert.deepEqual(header([person("dewi"), person("budi", { type: "admin" })]), [
      "dewi and 1 more",
      "We are here",
      "here",
    ]);
    assert.equal(header([person("dewi"), person("b"), person("c")])[0], "dewi and 2 more");
  });

  it("says that they may be back, look elsewhere, or have left", () => {
    const back = person("dewi", { presence: "maybe back" });
    assert.deepEqual(header([back]), ["dewi", "We will be back soon", "maybe"]);
    const away = person("dewi", { state: { away: true } });
    assert.deepEqual(header([away]), ["dewi", "We will be back soon", "away"]);
    assert.deepEqual(header([away, person("budi")]), ["dewi and 1 more", "We are here", "here"]);
    assert.deepEqual(header([person("dewi", { presence: "left" })]), ["Chat with us", "", ""]);
  });

  it("counts where it is not told who they are", () => {
    assert.deepEqual(header([], 1), ["Chat with us", "Agents here: 1", "here"]);
    assert.deepEqual(header([], 2), ["Chat with us", "Agents here: 2", "here"]);
  });

  it("says whether somebody would answer, and nothing where that is not known", () => {
    const line = (availability) => header([], 0, availability).slice(1);
    assert.deepEqual(line("live"), ["We are here", "here"]);
    assert.deepEqual(line("reachable"), ["We are here", "here"]);
    assert.deepEqual(line("away"), ["We will be back soon", "away"]);
    assert.deepEqual(line("offline"), ["Leave us a message", "left"]);
    assert.deepEqual(line(undefined), ["", ""]);
  });
});

describe("an identity", () => {
  it("is that of the page before, and another after 24 h without use", () => {
    const first = identityOf({}, 1_000);
    assert.equal(first.at, 1_000);
    const used = { ...first, name: "Ani", who: "chat visitor", read: "m1" };
    assert.deepEqual(identityOf(used, 1_000 + 86_399_999), used);
    const next = identityOf(used, 1_000 + 86_400_000);
    assert.notEqual(next.session, first.session);
    assert.notEqual(next.user, first.user);
    assert.deepEqual([next.name, next.who], [undefined, undefined]);
    assert.ok("name" in next && "who" in next, "what is kept is overwritten");
  });

  it("is kept also where the site says who the visitor is", () => {
    const { who, session } = identityOf({ at: 1, who: "s1 customer_1" }, 2);
    assert.equal(who, "s1 customer_1");
    assert.ok(session);
  });

  it("has a session that nobody can guess, and a user with a short id", () => {
    const all = Array.from({ length: 100 }, () => identityOf({}, 0));
    assert.equal(new Set(all.map(({ session }) => session)).size, 100);
    for (const { session, user } of all) {
      assert.match(session, /^chat_[\da-z]{26}$/); // 26 of 36 characters are 134 bits
      assert.match(user, /^visitor_[\da-z]{8}$/);
    }
  });
});

describe("what is kept", () => {
  const keep = (key, storage) => {
    Object.defineProperty(globalThis, "localStorage", { configurable: true, ...storage });
    return kept("localStorage", key);
  };
  const blocked = {
    get() {
      throw new Error("blocked");
    },
  };

  it("is there for the next page, and each name is written by itself", () => {
    const storage = { value: {} };
    const [tab, another] = [keep("k", storage), keep("k", storage)];
    tab.write({ a: 1 });
    another.write({ b: 2 });
    assert.deepEqual(tab.read(), { a: 1, b: 2 });
    tab.write({ a: undefined });
    assert.deepEqual(keep("k", storage).read(), { b: 2 });
    assert.deepEqual(keep("other", storage).read(), {});
  });

  it("is one person's, and not the next one's", () => {
    const storage = { value: {} };
    const tab = keep("k", storage);
    tab.write({ draft: "a secret" });
    tab.claim("anna", { draft: "" });
    assert.deepEqual(tab.read(), { draft: "a secret", who: "anna" }, "it was nobody else's");
    tab.claim("anna", { draft: "" });
    assert.equal(tab.read().draft, "a secret");
    tab.claim("budi", { draft: "" });
    assert.deepEqual(tab.read(), { draft: "", who: "budi" });
  });

  it("is with the page where storage is blocked", () => {
    const alone = keep("k", blocked);
    alone.write({ a: 1 });
    alone.write({ b: 2 });
    assert.deepEqual(alone.read(), { a: 1, b: 2 });
    assert.deepEqual(keep("k", blocked).read(), {});
  });

  it("survives what is no JSON, and what cannot be written", () => {
    const full = Object.freeze({ k: "{" });
    assert.deepEqual(keep("k", { value: full }).read(), {});
    const one = keep("other", { value: full });
    one.write({ a: 1 });
    assert.deepEqual(one.read(), { a: 1 });
  });
});
