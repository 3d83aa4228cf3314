/** What an admin is to be told of an update. Pure; the page decides how it looks. */

/**
 * "customer_123 (customer) joined", for each update with an event.
 * @param {?Object} before  the `connection_status` known before the update
 * @param {Object} data     the update's data
 * @returns {string}
 */
export function notification(before, data) {
  const id = data.event_user_id;
  const user = data.connection_status.users[id] ?? before?.users[id];
  const who = user ? `${id} (${user.user_type})` : id;
  return `${who} ${data.event_type === "user_connected" ? "joined" : "left"}`;
}

/**
 * Whether the last customer has just gone and an agent is there to be told.
 * @param {?Object} before  the `connection_status` known before the update
 * @param {Object} data     the update's data
 * @returns {boolean}
 */
export function customerHasLeft(before, data) {
  const { customer_connected, agent_connected } = data.connection_status;
  const gone = data.event_type === "user_disconnected" && before?.customer_connected;
  return Boolean(gone && !customer_connected && agent_connected);
}

/**
 * Whether a customer waits and nobody attends to them.
 * @param {?Object} status  a `connection_status`
 * @returns {boolean}
 */
export function needsAgent(status) {
  return Boolean(status?.customer_connected && !status.agent_connected);
}
