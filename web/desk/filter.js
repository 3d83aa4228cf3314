/** What somebody types into the search: `anna page:/checkout why:network who:dewi is:away`. Pure. */

import { reasonWords } from "./words.js";
import { isWaiting, nameOf, pageOf } from "./rows.js";

/** @typedef {import("./rows.js").Row} Row */

/** What each word before a colon looks at. @type {Record<string, (row: Row) => string>} */
const FIELDS = {
  page: ({ customer }) => pageOf(customer),
  name: ({ customer }) => nameOf(customer),
  who: ({ holder }) => holder?.user_id ?? "nobody",
  why: ({ customer }) => {
    const departure = customer?.departure;
    return departure ? `${departure.reason} ${reasonWords(departure)}` : "";
  },
  is: (row) => `${row.state}${isWaiting(row) ? " waiting" : ""}${row.unread ? " unread" : ""}`,
  session: ({ id }) => id,
};

/** @param {Row} row */
const anything = (row) =>
  [row.id, nameOf(row.customer), row.customer?.id, pageOf(row.customer), row.said?.text].join("\n");

/**
 * @param {string} text
 * @returns {(row: Row) => boolean}  whether a row has all of it
 */
export function filter(text) {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const tests = words.map((word) => {
    const [, name, value] = /^(\w+):(.*)$/.exec(word) ?? [];
    const field = Object.hasOwn(FIELDS, name ?? "") ? FIELDS[/** @type {string} */ (name)] : null;
    const [read, wanted] = field ? [field, value] : [anything, word];
    return (/** @type {Row} */ row) => read(row).toLocaleLowerCase().includes(/** @type {string} */ (wanted));
  });
  return (row) => tests.every((test) => test(row));
}
