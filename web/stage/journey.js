/**
 * Where a tab has been, for its Back. The browser's own history is that of all frames together, and would
 * turn back the desk, too. Pure.
 */
export function journey() {
  /** @type {string[]} */
  const pages = [];
  return {
    /** A page has loaded: also by a reload, or because Back led to it. @param {string} address */
    arrive(address) {
      if (pages.at(-1) !== address) pages.push(address);
    },
    canGoBack: () => pages.length > 1,
    /** Where Back leads to, if it can. */
    back() {
      pages.pop();
      return /** @type {string} */ (pages.at(-1));
    },
  };
}
