/** Where the shop's chat finds Hadir, and who its customer is: what a page's address says. Pure. */

/**
 * Where sockets are: where the address says; else where hosted pages have them (docs/operate.md); else
 * at the port before the page's, as `make run` has it.
 * @param {URL} page
 */
export function socketsOf(page) {
  const given = page.searchParams.get("ws");
  if (given) return given;
  return page.protocol === "https:" ? "/ws" : `ws://${page.hostname}:${Number(page.port) - 1}/local`;
}

/**
 * Whom a token of `make run ARGS=--tokens` lets in, which is good for all sessions named `demo-…`. Each
 * token has a session of its own, that of a run before is over.
 * @param {URL} page
 * @returns {?{token: string, session: string, user: string}} null where everybody is whom they say
 */
export function customerOf(page) {
  const token = new URLSearchParams(page.hash.slice(1)).get("customer_token");
  const [, claims, signature] = token?.split(".") ?? [];
  if (!token || !signature) return null;
  try {
    const { user } = JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/")));
    return { token, session: `demo-${signature.slice(0, 12)}`, user };
  } catch {
    return null;
  }
}

/**
 * A link of the shop, so that the next page knows what this one knows.
 * @param {string} href
 * @param {URL} page
 */
export function carriedOn(href, page) {
  const to = new URL(href, page);
  if (to.origin !== page.origin) return to.href;
  to.search ||= page.search;
  to.hash ||= page.hash;
  return to.href;
}
