/** Keys that are remembered at once; the oldest go first, so that guessing names fills no memory. */
const KEPT_KEYS = 20_000;

/** Counts attempts of a kind by key (a user, an address) within a sliding window. Times in milliseconds since 1970. */
export function attemptLimit({ attempts, windowMilliseconds }: { attempts: number; windowMilliseconds: number }) {
  const byKey = new Map<string, number[]>();
  return {
    /**
     * Counts one, before it is known how it ends: attempts at the same time count too.
     * @returns 0, or the seconds after which the next one is taken; that one is not counted
     */
    begin(key: string, now: number): number {
      const recent = (byKey.get(key) ?? []).filter(at => at > now - windowMilliseconds);
      byKey.delete(key);
      const [oldest] = recent;
      if (recent.length >= attempts && oldest !== undefined) {
        byKey.set(key, recent);
        return Math.max(1, Math.ceil((oldest + windowMilliseconds - now) / 1000));
      }
      byKey.set(key, [...recent, now]);
      for (const first of byKey.keys()) {
        if (byKey.size <= KEPT_KEYS) break;
        byKey.delete(first);
      }
      return 0;
    },
    /** The last attempt of a key was a good one. */
    forgive(key: string): void {
      byKey.get(key)?.pop();
    },
    forget(key: string): void {
      byKey.delete(key);
    },
  };
}
