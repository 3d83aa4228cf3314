/** What a frame tells, event by event. Pure. */

/** @type {Record<string, "update">} */
const KINDS = { connection_status_update: "update" };

/**
 * The events of a frame of one session: one, or several that came together, as if each had come by itself.
 * @param {{type: string, data: any}} frame
 * @returns {{type: "update"|"message"|"assignment", data: any}[]}
 */
export function eventsIn({ type, data: { events = [], ...data } }) {
  if (!events.length) return [{ type: KINDS[type] ?? /** @type {any} */ (type), data }];
  const { session_id, epoch, connection_status, status_version } = data;
  return events.map((/** @type {any} */ event) => {
    if ("text" in event) return { type: "message", data: { session_id, epoch, ...event } };
    if ("assignment" in event) return { type: "assignment", data: { session_id, epoch, ...event } };
    return { type: "update", data: { session_id, epoch, connection_status, status_version, ...event } };
  });
}
