/** What was written here and is not yet among the messages. Pure. */

/**
 * @typedef {Object} Written  as a message has it
 * @property {string} timestamp  RFC 3339
 * @property {number} after  the newest version that was known then
 *
 * @typedef {import("../outbox.js").Delivery} Delivery
 * @typedef {Delivery & Written} Unsent
 * @typedef {import("../state.js").Message} Message
 */

/**
 * They, after the client has told what became of one of them.
 * @param {readonly Unsent[]} all
 * @param {Delivery} delivery
 * @returns {readonly Unsent[]}
 */
export const afterDelivery = (all, delivery) =>
  all.map((each) =>
    each.clientId === delivery.clientId
      ? { ...each, ...delivery }
      : { ...each, after: Math.max(each.after, delivery.version ?? 0) },
  );

/**
 * Those that the messages do not show yet. A page may see its message before it is told that it was
 * sent, above all one that an earlier page has sent: it is the first with that text since.
 * @param {readonly Unsent[]} all
 * @param {readonly Message[]} messages
 * @param {string} [me]  my id
 * @returns {readonly Unsent[]}
 */
export function notShown(all, messages, me) {
  const mine = messages.filter((message) => isOf(message, me));
  return all.filter((each) => {
    const place = mine.findIndex(
      ({ version, text }) =>
        each.version ? version === each.version : text === each.text && version > each.after,
    );
    if (place >= 0) mine.splice(place, 1);
    return place < 0;
  });
}

/**
 * Whether a message is of this visitor.
 * @param {Message} message
 * @param {string} [me]
 */
export const isOf = ({ user_id, user_type }, me) => user_id === me && user_type === "customer";
