/** What an admin is to be told of an update. Pure; the page decides how it looks. */

/**
 * "customer_123 (customer) joined", for each update with an event.
 * @param {Object} data  the update's data
 * @returns {string}
 */
export function notification(data) {
  const what = data.event_type === "user_connected" ? "joined" : "left";
  return `${data.event_user_id} (${data.event_user_type}) ${what}`;
}

/**
 * Whether the last customer has gone and an agent is there to be told. By comparing statuses, not
 * by the event: it may have gone by while the admin's own socket was away.
 * @param {?Object} before  the `connection_status` known before
 * @param {Object} status   the one known now
 * @returns {boolean}
 */
export function customerHasLeft(before, status) {
  return Boolean(
    before?.customer_connected && !status.customer_connected && status.agent_connected,
  );
}

/**
 * Whether a customer waits and nobody attends to them.
 * @param {?Object} status  a `connection_status`
 * @returns {boolean}
 */
export function needsAgent(status) {
  return Boolean(status?.customer_connected && !status.agent_connected);
}
