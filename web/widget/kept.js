/** What one page leaves to the next, in the browser's storage; where that is blocked, to nobody. */

/**
 * @template {Object} T
 * @param {string} key
 * @param {("localStorage"|"sessionStorage")[]} areas  of which the first that works is used
 * @param {any} [window]  for tests
 */
export function kept(key, areas, window = globalThis) {
  /** @type {Partial<T>} */
  let value = {};

  /** @template V @param {(storage: Storage) => V} use @returns {V|undefined} */
  const first = (use) => {
    for (const area of areas) {
      try {
        return use(window[area]);
      } catch {}
    }
  };

  /** As of now: another tab may have written. @returns {Partial<T>} */
  const read = () => (value = first((storage) => JSON.parse(storage.getItem(key) ?? "null")) ?? value);

  return {
    read,

    /** @param {Partial<T>} more  takes the place of what has the same name; undefined: leaves none */
    write(more) {
      value = { ...read(), ...more };
      first((storage) => storage.setItem(key, JSON.stringify(value)));
    },
  };
}
