/**
 * Hadir for React 18 and later.
 *
 *   configure({ url: "wss://…/live", userId: "admin_456", userType: "admin" });   // once
 *   const { status, lastEvent } = useConnectionStatus(sessionId);                 // anywhere
 */

import { useEffect, useState } from "react";
import { HadirClient, initialState } from "./hadir.js";

let configured = null;

/** Clients in use, by what they were made from: components of one page share a socket. */
const shared = new Map();

/**
 * Say once, at the start of the application, whom the hooks speak for.
 * @param {{url: string, userId: string, userType: "customer"|"agent"|"admin",
 *   getToken?: (sessionId: string) => string|Promise<string>}} who
 */
export function configure(who) {
  configured = who;
}

/**
 * Who is in a session now, and what happened last. Connects while the component is mounted.
 * @param {string} sessionId
 * @returns {{status: ?Object, lastEvent: ?Object}}  both null until the first update
 */
export function useConnectionStatus(sessionId) {
  if (!configured) {
    throw new Error("call configure({ url, userId, userType }) before useConnectionStatus");
  }
  const { url, userId, userType, getToken } = configured;
  const [state, setState] = useState(initialState);
  useEffect(() => {
    setState(initialState);
    return subscribe({ url, sessionId, userId, userType }, getToken, setState);
  }, [url, sessionId, userId, userType]);
  return { status: state.status, lastEvent: state.lastEvent };
}

function subscribe(who, getToken, onState) {
  const key = JSON.stringify(who);
  const options = getToken ? { ...who, getToken: () => getToken(who.sessionId) } : who;
  const entry = shared.get(key) ?? { client: new HadirClient(options), users: 0 };
  shared.set(key, entry);
  entry.users += 1;
  const listen = ({ detail }) => onState(detail);
  entry.client.addEventListener("state", listen);
  onState(entry.client.state);
  entry.client.start();
  return () => {
    entry.client.removeEventListener("state", listen);
    entry.users -= 1;
    if (entry.users === 0) {
      entry.client.close();
      shared.delete(key);
    }
  };
}
