/** An application that uses the whole package, and is checked and built as Vite sets it up. */

import { createElement, type ReactNode } from "react";
import { defineComponent, h, ref } from "vue";
import { HadirClient, type HadirError, type HadirOptions, type Person } from "hadir";
import { HadirChat } from "hadir/chat";
import * as react from "hadir/react";
import * as vue from "hadir/vue";
import { AssignmentError, HadirWatcher, type WatchedSession } from "hadir/watcher";
import { HadirChatElement } from "hadir/widget";

const who = { url: "wss://example.com/live", userId: "admin_1", userType: "admin" } as const;
const options: HadirOptions = { ...who, sessionId: "s", getToken: async () => null };

export const client = new HadirClient(options);
export const left: (string | null | undefined)[] = [];
client.on("left", (person) => left.push(person.departure?.reason));
client.addEventListener("update", ({ detail }) => left.push(detail.event_user_id));
client.addEventListener("error", (event) => event.preventDefault());
const stop: () => void = client.on("people", (people: readonly Person[]) => people.length);
stop();

export const chat = new HadirChat({ ...options, settleMs: { page: 20_000 } });
chat.on("delivery", ({ state, error }) => left.push(state === "failed" ? error : null));
chat.send("Hello").clientId.toUpperCase();
chat.setState({ page: "/cart", items: 3, topic: null });
export const shown: (string | undefined)[] = chat.people.map(({ name, avatar }) => name ?? avatar);

export const watcher = new HadirWatcher({ ...who, getToken: async () => null, away: false });
watcher.on("sessions", (sessions: readonly WatchedSession[]) => left.push(sessions[0]?.assignment?.user_id));
watcher.on("event", ({ sessionId, type }) => left.push(type === "message" ? sessionId : null));
watcher.take("s").catch((error) => error instanceof AssignmentError && left.push(error.assigned?.user_id));
watcher.assign("s", null, { expect: "amy" }).then((holder) => left.push(holder?.user_type));

const element = document.querySelector("hadir-chat");
if (element instanceof HadirChatElement) {
  element.getToken = async () => null;
  element.open();
  element.close();
}

export function Page({ sessionId }: { sessionId: string | null }): ReactNode {
  const { people, status, connection, error, stale, client } = react.useConnectionStatus(sessionId);
  react.useHadirEvent(sessionId, (update) => left.push(update.event_type));
  react.useHadirEvent(sessionId, (person) => left.push(person.id), "left");
  const known: HadirError | null = error;
  if (client instanceof HadirChat) client.typing();
  const total: number | undefined = status?.total_customer;
  const names = people.map(({ id, presence }) => `${id} ${presence === "maybe back"}`);
  return [connection === "kicked", stale, known?.code, total, ...names].join();
}

export const root = createElement(
  react.HadirProvider,
  { ...who, Client: HadirChat, getToken: (sessionId) => sessionId.toUpperCase() },
  createElement(Page, { sessionId: "s" }),
);

export const Component = defineComponent({
  props: { sessionId: String },
  setup(props) {
    vue.provideHadir(who);
    const { people, client } = vue.useConnectionStatus(() => props.sessionId);
    vue.useConnectionStatus(ref<string | null>(null)).stale.value satisfies boolean;
    vue.useHadirEvent("s", ({ from, to }) => left.push(`${to - from}`), "gap");
    return () => h("p", [people.value.length, client.value?.connection]);
  },
});

export function misuse() {
  // @ts-expect-error a session is missing
  new HadirClient(who);
  // @ts-expect-error there is no such type
  new HadirClient({ ...options, userType: "visitor" });
  // @ts-expect-error there is no such event
  client.on("gone", () => {});
  // @ts-expect-error it is opened, not shown
  new HadirChatElement().show();
  // @ts-expect-error a person has no such field
  client.on("left", (person) => person.nickname);
  // @ts-expect-error the detail is an update
  client.addEventListener("update", ({ detail }) => detail.departure);
  // @ts-expect-error a state is flat
  chat.setState({ cart: { items: 3 } });
  // @ts-expect-error it may not be known who says it
  chat.on("message", ({ user_id }) => user_id.length);
  // @ts-expect-error nor who writes
  chat.on("typing", ({ user_id }) => user_id.length);
  // @ts-expect-error customers have no session
  watcher.assign("s", "anna", { userType: "customer" });
  // @ts-expect-error that one only listens
  client.send("Hello");
  // @ts-expect-error the session is the hook's, not the provider's
  createElement(react.HadirProvider, { ...who, sessionId: "s" });
  // @ts-expect-error the default is an update
  react.useHadirEvent("s", (person: Person) => person.id);
  // @ts-expect-error refs are read by their value
  vue.useConnectionStatus("s").people.map(String);
}
