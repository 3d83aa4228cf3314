/** Components that use the composables, for the tests to mount as they like. */

import { createApp, h, shallowRef } from "vue";
import { configure, provideHadir, useConnectionStatus, useHadirEvent } from "../../../web/vue.js";

const told = Object.assign(window, { renders: [], events: [], clients: [], tokens: [] });

const Session = {
  props: ["place", "id"],
  setup(props) {
    const known = useConnectionStatus(() => props.id);
    return () => {
      const { status, people, connection, error, stale, client } = known;
      told.clients[props.place] = client.value;
      told.renders.push({ id: props.id, people: people.value.map((person) => person.id) });
      const users = Object.keys(status.value?.users ?? {}).sort();
      const how = [error.value?.code ?? "fine", stale.value ? "stale" : "fresh"];
      return h("p", [connection.value, users, ...how].join("; "));
    };
  },
};

const Listener = {
  props: ["id", "mark"],
  setup(props) {
    useHadirEvent(() => props.id, ({ event_type, event_user_id }) => {
      told.events.push(`${props.mark} ${event_type} ${event_user_id}`);
    });
    return () => null;
  },
};

const given = new URLSearchParams(location.search);
const config = { url: given.get("ws"), userId: given.get("user"), userType: "admin" };

createApp({
  setup() {
    const shown = shallowRef({});
    const getToken = (id) => told.tokens.push(`${shown.value.mark} ${id}`) && "a.b.c";
    if (given.has("configure")) configure(config);
    else provideHadir(given.has("tokens") ? { ...config, getToken } : config);
    told.show = (what) => (shown.value = what);
    return () => {
      const { sessions = [], listening = [], mark } = shown.value;
      return [
        ...sessions.map((id, place) => h(Session, { key: `session ${place}`, place, id })),
        ...listening.map((id, place) => h(Listener, { key: `listener ${place}`, id, mark })),
      ];
    };
  },
}).mount("#root");
