/** What was made for a key, and what is being made for it just now. */
export type PageCache<Value> = {
  /**
   * `serves` tells whether what was made is what the key stands for: of a publication or a day that
   * began meanwhile it is not, and is given to those who wait for it, but not kept.
   */
  get(key: string, make: () => Promise<Value>, serves?: (value: Value) => boolean): Promise<Value>;
};

/**
 * Keeps the values that were asked for last. Keys name the publication, so that none of them is ever
 * out of date; failures are not kept.
 */
export function createPageCache<Value>(mostValues: number = 40): PageCache<Value> {
  const kept = new Map<string, Promise<Value>>();
  return {
    get: (key, make, serves = () => true) => {
      const found = kept.get(key);
      kept.delete(key);
      const value =
        found ??
        make().then(
          (made) => {
            if (!serves(made)) kept.delete(key);
            return made;
          },
          (error: unknown) => {
            kept.delete(key);
            throw error;
          },
        );
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
