/** What was made for a key, and what is being made for it just now. */
export type PageCache<Value> = {
  get(key: string, make: () => Promise<Value>): Promise<Value>;
};

/**
 * Keeps the values that were asked for last. Keys name the publication, so that none of them is ever
 * out of date; failures are not kept.
 */
export function createPageCache<Value>(mostValues: number = 40): PageCache<Value> {
  const kept = new Map<string, Promise<Value>>();
  return {
    get: (key, make) => {
      const found = kept.get(key);
      kept.delete(key);
      const value =
        found ??
        make().catch((error: unknown) => {
          kept.delete(key);
          throw error;
        });
      // A map remembers the order in which its keys came: the first was not asked for the longest.
      kept.set(key, value);
      for (const oldest of kept.keys()) {
        if (kept.size <= mostValues) break;
        kept.delete(oldest);
      }
      return value;
    },
  };
}
