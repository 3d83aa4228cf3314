"use client";
/**
 * Hadir for React 18 and later.
 *
 *   <HadirProvider url="wss://…/live" userId="admin_456" userType="admin">…</HadirProvider>
 *   const { people, stale } = useConnectionStatus(sessionId);               // anywhere below
 *   useHadirEvent(sessionId, (person) => notify(`${person.id} left`), "left");
 */

import {
  createContext,
  createElement,
  useContext,
  useEffect,
  useInsertionEffect,
  useMemo,
  useRef,
  useSyncExternalStore,
} from "react";
import { configured, keyOf, sharedClients } from "./shared.js";

export { configure } from "./shared.js";

/**
 * @typedef {import("./shared.js").HadirConfig} HadirConfig
 * @typedef {import("./shared.js").Presence} Presence
 * @typedef {import("./shared.js").HadirEvents} HadirEvents
 */

const Context = createContext(/** @type {?HadirConfig} */ (null));

/**
 * Whom the components below speak for. The same values are the same person, on the same socket; of
 * `getToken` the newest one is called.
 * @param {HadirConfig & {children?: import("react").ReactNode}} props
 * @returns {import("react").ReactElement}
 */
export function HadirProvider({ children, ...config }) {
  const newest = useNewest(config.getToken);
  const value = useMemo(() => {
    const getToken = (/** @type {string} */ sessionId) => newest.current?.(sessionId) ?? null;
    return config.getToken ? { ...config, getToken } : config;
  }, [keyOf(config)]);
  return createElement(Context.Provider, { value }, children);
}

/**
 * Who is in a session now, and what happened last. Connected while the component is mounted.
 * @param {string|null|undefined} sessionId  null, undefined: none is selected
 * @returns {Presence}
 */
export function useConnectionStatus(sessionId) {
  const store = useStore(sessionId);
  return useSyncExternalStore(store.subscribe, store.getSnapshot, store.getFirstSnapshot);
}

/**
 * Call a handler for each event of a session, also for those that come so close together that React
 * renders once for all of them. Connected while the component is mounted.
 * @template {keyof HadirEvents} [K="update"]
 * @param {string|null|undefined} sessionId  null, undefined: none is selected
 * @param {(detail: HadirEvents[K]) => void} handler
 * @param {K} [type]
 */
export function useHadirEvent(sessionId, handler, type = /** @type {K} */ ("update")) {
  const store = useStore(sessionId);
  const newest = useNewest(handler);
  useEffect(() => store.listen(type, (detail) => newest.current(detail)), [store, type]);
}

/** @param {string|null|undefined} sessionId */
function useStore(sessionId) {
  const config = useContext(Context) ?? configured;
  return useMemo(() => sharedClients.store(config, sessionId), [keyOf(config, sessionId)]);
}

/**
 * What was given at the newest render that is on the page.
 * @template T
 * @param {T} value
 */
function useNewest(value) {
  const newest = useRef(value);
  useInsertionEffect(() => {
    newest.current = value;
  });
  return newest;
}
