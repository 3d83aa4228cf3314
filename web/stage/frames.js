/** What the stage's two windows show: each has an address of its own. Pure. */

import { socketsOf } from "../shop/where.js";

const USUAL_PORT = "8082";

/**
 * The addresses of shop and desk, which know where sockets are, and the token of their person if the
 * stage's own address has them.
 * @param {URL} page  the stage's
 * @returns {{shop: string, desk: string}}
 */
export function framesOf(page) {
  const tokens = new URLSearchParams(page.hash.slice(1));
  const isTold = page.searchParams.has("ws");
  const isUsual = page.protocol === "https:" || page.port === USUAL_PORT;
  const query = isTold || !isUsual ? `?${new URLSearchParams({ ws: socketsOf(page) })}` : "";
  /** @param {string} name @param {?string} token */
  const fragment = (name, token) => (token ? `#${name}=${token}` : "");
  return {
    shop: `shop/${query}${fragment("customer_token", tokens.get("customer_token"))}`,
    desk: `desk/${query}${fragment("token", tokens.get("desk_token"))}`,
  };
}

/**
 * What an address line shows: where the person is, without what only the machinery reads.
 * @param {{host: string, pathname: string}} location
 */
export const shownAddress = ({ host, pathname }) => host + pathname.replace(/index\.html$/, "");
