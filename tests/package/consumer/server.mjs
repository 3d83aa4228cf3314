/** A server that renders pages, in plain Node: it opens no socket, and nothing keeps it running. */

import assert from "node:assert/strict";
import { createElement, StrictMode } from "react";
import { renderToString } from "react-dom/server";
import { createSSRApp, h } from "vue";
import { renderToString as renderVue } from "vue/server-renderer";
import { HadirClient } from "hadir";
import * as react from "hadir/react";
import * as vue from "hadir/vue";
import { HadirWatcher } from "hadir/watcher";
import "hadir/widget";

globalThis.WebSocket = class {
  constructor() {
    assert.fail("a server opens a socket");
  }
};
for (const method of ["error", "warn"]) console[method] = assert.fail;

const config = { url: "wss://example.com/live", userId: "admin_1", userType: "admin" };

assert.equal(new HadirClient({ ...config, sessionId: "s" }).connection, "closed");
assert.equal(new HadirWatcher(config).isCurrent, false);

const given = ["s", null, "no id!"];
const expected = ["connecting 0", "closed 0", "connecting 0"];

function Session({ id }) {
  react.useHadirEvent(id, assert.fail);
  const { connection, people } = react.useConnectionStatus(id);
  return `${connection} ${people.length}`;
}
const rendered = given.map((id) => {
  const session = createElement(Session, { id });
  const provider = createElement(react.HadirProvider, config, session);
  return renderToString(createElement(StrictMode, null, provider));
});
assert.deepEqual(rendered, expected);

const Component = {
  props: ["id"],
  setup(props) {
    vue.useHadirEvent(() => props.id, assert.fail);
    const { connection, people } = vue.useConnectionStatus(() => props.id);
    return () => h("p", `${connection.value} ${people.value.length}`);
  },
};
vue.configure(config);
const pages = given.map((id) => renderVue(createSSRApp(Component, { id })));
assert.deepEqual(await Promise.all(pages), expected.map((text) => `<p>${text}</p>`));

await new Promise((resolve) => setTimeout(resolve, 50));
