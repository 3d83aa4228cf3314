/** Components that use the hooks, for the tests to mount as they like. */

import { createElement, StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import * as hadir from "../../../web/react.js";

const { configure, HadirProvider, useConnectionStatus, useHadirEvent } = hadir;
const told = Object.assign(window, { renders: [], events: [], clients: [], tokens: [] });
const given = new URLSearchParams(location.search);
const config = { url: given.get("ws"), userId: given.get("user"), userType: "admin" };

function Session({ place, id }) {
  const { status, people, connection, error, stale, client } = useConnectionStatus(id);
  told.clients[place] = client;
  told.renders.push({ id, people: people.map((person) => person.id) });
  const users = Object.keys(status?.users ?? {}).sort();
  const words = [connection, users, error?.code ?? "fine", stale ? "stale" : "fresh"];
  return createElement("p", null, words.join("; "));
}

function Listener({ id, mark }) {
  useHadirEvent(id, ({ event_type, event_user_id }) => {
    told.events.push(`${mark} ${event_type} ${event_user_id}`);
  });
  return null;
}

function App() {
  const [{ sessions = [], listening = [], mark }, show] = useState({});
  told.show = show;
  const components = [
    ...sessions.map((id, place) => createElement(Session, { key: `session${place}`, place, id })),
    ...listening.map((id, place) => createElement(Listener, { key: `heard${place}`, id, mark })),
  ];
  if (given.has("configure")) return components;
  const getToken = (id) => told.tokens.push(`${mark} ${id}`) && "a.b.c";
  const props = given.has("tokens") ? { ...config, getToken } : config;
  return createElement(HadirProvider, props, components);
}

if (given.has("configure")) configure(config);
createRoot(document.querySelector("#root")).render(createElement(StrictMode, null, createElement(App)));
