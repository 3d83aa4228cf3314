/** Which events of many sessions have been told already. A watcher may get them twice, and in any order. */

/** Versions that are remembered of a session: a feed tells as many again. */
const MOST = 200;

/** @typedef {{epoch: string, upTo: number, versions: Set<number>}} Seen */

export function toldOnce() {
  /** @type {Map<string, Seen>} */
  const sessions = new Map();

  return {
    /**
     * @param {{session_id: string, epoch: string, version?: number}} data  of an event
     * @returns {boolean} whether it is told for the first time
     */
    isNew({ session_id, epoch, version }) {
      if (!version) return false;
      let seen = sessions.get(session_id);
      if (seen && epoch < seen.epoch) return false;
      if (epoch !== seen?.epoch) sessions.set(session_id, (seen = { epoch, upTo: 0, versions: new Set() }));
      const { versions } = /** @type {Seen} */ (seen);
      if (version <= /** @type {Seen} */ (seen).upTo || versions.has(version)) return false;
      versions.add(version);
      if (versions.size > 2 * MOST) {
        const sorted = [...versions].sort((a, b) => a - b);
        for (const old of sorted.slice(0, -MOST)) versions.delete(old);
        /** @type {Seen} */ (seen).upTo = sorted[sorted.length - MOST - 1];
      }
      return true;
    },

    /** Forget the sessions that are not known any more. @param {(id: string) => boolean} isKnown */
    keep(isKnown) {
      for (const id of sessions.keys()) if (!isKnown(id)) sessions.delete(id);
    },
  };
}
