/**
 * Hadir for Vue 3.3 and later.
 *
 *   provideHadir({ url: "wss://…/live", userId: "admin_456", userType: "admin" });  // at the root
 *   const { people, stale } = useConnectionStatus(() => props.sessionId);        // anywhere below
 *   useHadirEvent(() => props.sessionId, (person) => notify(`${person.id} left`), "left");
 */

import { computed, hasInjectionContext, inject, provide, shallowRef, toValue, watch } from "vue";
import { configured, NOTHING, sharedClients } from "./shared.js";

export { configure } from "./shared.js";

/**
 * @typedef {import("./shared.js").HadirConfig} HadirConfig
 * @typedef {import("./shared.js").Presence} Presence
 * @typedef {import("./shared.js").HadirEvents} HadirEvents
 */

/** @type {import("vue").InjectionKey<import("vue").MaybeRefOrGetter<HadirConfig>>} */
const CONFIG = Symbol("hadir");

/** A server renders what is known before a socket is opened, and opens none. */
const isPage = typeof document !== "undefined";

/**
 * Whom the components below speak for.
 * @param {import("vue").MaybeRefOrGetter<HadirConfig>} config
 */
export function provideHadir(config) {
  provide(CONFIG, config);
}

/**
 * Who is in a session now, and what happened last. Connected until the component is unmounted, or
 * the effect scope is stopped.
 * @param {import("vue").MaybeRefOrGetter<string|null|undefined>} sessionId  null, undefined:
 *   none is selected
 * @returns {{[K in keyof Presence]: import("vue").ComputedRef<Presence[K]>}}
 */
export function useConnectionStatus(sessionId) {
  const store = useStore(sessionId);
  const changes = shallowRef(0);
  // From the id of this very moment, so that nobody is ever shown under another session.
  const known = computed(() => (changes.value, store.value.getSnapshot()));
  keep(store, ({ subscribe }) => subscribe(() => (changes.value += 1)));
  /** @type {any} */
  const refs = {};
  for (const name of /** @type {(keyof Presence)[]} */ (Object.keys(NOTHING))) {
    refs[name] = computed(() => known.value[name]);
  }
  return refs;
}

/**
 * Call a handler for each event of a session. Connected as `useConnectionStatus` is.
 * @template {keyof HadirEvents} [K="update"]
 * @param {import("vue").MaybeRefOrGetter<string|null|undefined>} sessionId  null, undefined:
 *   none is selected
 * @param {(detail: HadirEvents[K]) => void} handler
 * @param {K} [type]
 */
export function useHadirEvent(sessionId, handler, type = /** @type {K} */ ("update")) {
  keep(useStore(sessionId), ({ listen }) => listen(type, handler));
}

/** @param {import("vue").MaybeRefOrGetter<string|null|undefined>} sessionId */
function useStore(sessionId) {
  const provided = hasInjectionContext() ? inject(CONFIG, null) : null;
  return computed(() => {
    const config = provided ? toValue(provided) : configured;
    return sharedClients.store(config, toValue(sessionId));
  });
}

/**
 * Take what a store has to give, until it is another one or the component is gone.
 * @param {import("vue").ComputedRef<import("./shared.js").Store>} store
 * @param {(store: import("./shared.js").Store) => () => void} take
 */
function keep(store, take) {
  if (!isPage) return;
  watch(store, (now, _before, onCleanup) => onCleanup(take(now)), { immediate: true });
}
