import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { identityOf, newSecret } from "../../web/widget/identity.js";
import { kept } from "../../web/widget/kept.js";
import { languageOf, textsOf } from "../../web/widget/texts.js";
import { agentsOf, headerOf, noteOf } from "../../web/widget/who.js";

const say = textsOf("en", () => null);

describe("texts", () => {
  it("are in the language that is wished for first and known", () => {
    assert.equal(languageOf(["", "id-ID"]), "id");
    assert.equal(languageOf(["ID", "en"]), "id");
    assert.equal(languageOf([undefined, "de"]), "en");
    assert.equal(languageOf(["fr", "idle"]), "en");
    assert.equal(textsOf("id", () => null)("send"), "Kirim");
  });

  it("may be the site's own, and take any name as it is", () => {
    const own = textsOf("id", (key) => (key === "send" ? "Go" : null));
    assert.deepEqual([own("send"), own("save")], ["Go", "Simpan"]);
    assert.equal(say("and-more", "$& {n}", 3), "$& {n} and 3 others");
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
  });
});

describe("the header", () => {
  const person = (id, more) => ({ id, type: "agent", presence: "here", ...more });
  const header = (people, total = 0, availability = "") => {
    const { title, line, shape } = headerOf(agentsOf(people), total, availability, say);
    return [title, line, shape];
  };

  it("names who is there to answer, and no customer", () => {
    const customer = person("visitor_1", { type: "customer" });
    assert.deepEqual(header([customer, person("a", { name: "Dewi" })], 1), ["Dewi", "We are here", "here"]);
    assert.deepEqual(header([person("dewi"), person("budi", { type: "admin" })]), [
      "dewi and 1 other",
      "We are here",
      "here",
    ]);
    assert.equal(header([person("dewi"), person("b"), person("c")])[0], "dewi and 2 others");
  });

  it("says that they may be back, look elsewhere, or have left", () => {
    const back = person("dewi", { presence: "maybe back" });
    assert.deepEqual(header([back]), ["dewi", "Back in a moment", "maybe"]);
    const away = person("dewi", { state: { away: true } });
    assert.deepEqual(header([away]), ["dewi", "We will be back soon", "away"]);
    assert.deepEqual(header([away, person("budi")]), ["dewi and 1 other", "We are here", "here"]);
    assert.deepEqual(header([person("dewi", { presence: "left" })]), ["Chat with us", "", ""]);
  });

  it("counts where it is not told who they are", () => {
    assert.deepEqual(header([], 1), ["Chat with us", "One of us is here", "here"]);
    assert.deepEqual(header([], 2), ["Chat with us", "2 of us are here", "here"]);
  });

  it("says whether somebody would answer, and nothing where that is not known", () => {
    const line = (availability) => header([], 0, availability).slice(1);
    assert.deepEqual(line("live"), ["We are here", "here"]);
    assert.deepEqual(line("reachable"), ["We are here", "here"]);
    assert.deepEqual(line("away"), ["We will be back soon", "away"]);
    assert.deepEqual(line("offline"), ["Leave a message, we answer later", "left"]);
    assert.deepEqual(line(undefined), ["", ""]);
  });
});

it("the note says what is wrong with the connection, and that a message waits", () => {
  assert.equal(noteOf("open", true, say), "");
  assert.equal(noteOf("closed", false, say), "");
  assert.equal(noteOf("reconnecting", false, say), "Connection lost. Trying again.");
  assert.equal(noteOf("reconnecting", true, say), "Connection lost. Your message waits.");
  for (const state of ["connecting", "offline", "kicked", "unauthorized", "unsupported"]) {
    assert.ok(noteOf(state, true, say));
  }
});

describe("an identity", () => {
  it("is that of the page before, and another after 24 h without use", () => {
    let last = 0;
    const secret = () => `${(last += 1)}`;
    const first = identityOf({}, 1_000, secret);
    assert.deepEqual([first.session, first.user, first.at], ["chat_1", "visitor_2", 1_000]);
    const used = { ...first, name: "Ani", who: "chat_1 visitor_2", read: { epoch: "e", version: 1 } };
    assert.deepEqual(identityOf(used, 1_000 + 86_399_999, secret), used);
    const next = identityOf(used, 1_000 + 86_400_000, secret);
    assert.deepEqual([next.session, next.user], ["chat_5", "visitor_6"]);
    assert.deepEqual([next.name, next.who, next.read], [undefined, undefined, undefined]);
    assert.ok("name" in next && "who" in next && "read" in next, "what is kept is overwritten");
  });

  it("is kept also where the site says who the visitor is", () => {
    const { who, session } = identityOf({ at: 1, who: "s1 customer_1" }, 2, () => "x");
    assert.deepEqual([who, session], ["s1 customer_1", "chat_x"]);
  });

  it("cannot be guessed", () => {
    const all = Array.from({ length: 100 }, newSecret);
    assert.equal(new Set(all).size, 100);
    for (const secret of all) assert.match(secret, /^\d+-\d+-\d+-\d+$/);
  });
});

describe("what is kept", () => {
  class Storage {
    #items = {};
    getItem(key) {
      return this.#items[key] ?? null;
    }
    setItem(key, value) {
      this.#items[key] = value;
    }
  }
  const areas = ["localStorage", "sessionStorage"];

  it("is there for the next page, and each name is written by itself", () => {
    const window = { localStorage: new Storage(), sessionStorage: new Storage() };
    const [tab, another] = [kept("k", areas, window), kept("k", areas, window)];
    tab.write({ a: 1 });
    another.write({ b: 2 });
    assert.deepEqual(tab.read(), { a: 1, b: 2 });
    tab.write({ a: undefined });
    assert.deepEqual(kept("k", areas, window).read(), { b: 2 });
    assert.deepEqual(kept("other", areas, window).read(), {});
  });

  it("is in the next storage where one is blocked, and with the page where all are", () => {
    const blocked = { sessionStorage: new Storage() };
    Object.defineProperty(blocked, "localStorage", {
      get() {
        throw new Error("blocked");
      },
    });
    kept("k", areas, blocked).write({ a: 1 });
    assert.deepEqual(kept("k", areas, blocked).read(), { a: 1 });

    const alone = kept("k", areas, {});
    alone.write({ a: 1 });
    alone.write({ b: 2 });
    assert.deepEqual(alone.read(), { a: 1, b: 2 });
    assert.deepEqual(kept("k", areas, {}).read(), {});
  });

  it("survives what is no JSON, and what cannot be written", () => {
    const full = { localStorage: new Storage(), sessionStorage: undefined };
    full.localStorage.setItem("k", "{");
    assert.deepEqual(kept("k", areas, full).read(), {});
    full.localStorage.setItem = () => {
      throw new Error("quota");
    };
    const one = kept("other", areas, full);
    one.write({ a: 1 });
    assert.deepEqual(one.read(), { a: 1 });
  });
});
