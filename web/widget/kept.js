/** What one page leaves to the next, in the browser's storage; where that is blocked, to nobody. */

/**
 * @template {{who?: string}} T
 * @param {"localStorage"|"sessionStorage"} area
 * @param {string} key
 */
export function kept(area, key) {
  /** @type {Partial<T>} */
  let value = {};

  /** As of now: another tab may have written. */
  const read = () => {
    try {
      value = JSON.parse(globalThis[area][key]);
    } catch {}
    return value;
  };

  /** @param {Partial<T>} more  takes the place of what has the same name; undefined: leaves none */
  const write = (more) => {
    value = { ...read(), ...more };
    try {
      globalThis[area][key] = JSON.stringify(value);
    } catch {}
  };

  return {
    read,
    write,

    /** It is this person's from now on. @param {string} who @param {Partial<T>} blank  unless it was */
    claim(who, blank) {
      const { who: before = who } = read();
      write({ ...(before !== who && blank), .../** @type {Partial<T>} */ ({ who }) });
    },
  };
}
