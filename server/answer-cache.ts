/** Whole answers by their entity tag: equal tags, equal bytes. */
export type AnswerCache = {
  /**
   * The answer of a tag: from memory, from the one who is making it just now, or made by `make`,
   * which may find that the data moved on and answer for another tag.
   */
  get(etag: string, make: () => Promise<CachedAnswer>): Promise<CachedAnswer>;
};

export type CachedAnswer = {
  readonly etag: string;
  /** What the answer says beside its body: where the next page is, that rows were left out. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Uint8Array[];
};

const largestBytes = 1_000_000;

/**
 * Keeps small answers that were asked for last, `mostBytes` of them in all. An answer of an older
 * publication is never asked for again, and falls out in time.
 */
export function createAnswerCache(mostBytes: number = 16_000_000): AnswerCache {
  const kept = new Map<string, CachedAnswer & { readonly bytes: number }>();
  const underWay = new Map<string, Promise<CachedAnswer>>();
  let total = 0;

  const keep = (answer: CachedAnswer) => {
    const bytes = answer.body.reduce((sum, { length }) => sum + length, 0);
    if (bytes > largestBytes || kept.has(answer.etag)) return;
    kept.set(answer.etag, { ...answer, bytes });
    total += bytes;
    // A map remembers the order in which its keys came: the first was not asked for the longest.
    for (const [etag, oldest] of kept) {
      if (total <= mostBytes) break;
      kept.delete(etag);
      total -= oldest.bytes;
    }
  };

  return {
    get: async (etag, make) => {
      const found = kept.get(etag);
      if (found !== undefined) {
        kept.delete(etag);
        kept.set(etag, found);
        return found;
      }
      let making = underWay.get(etag);
      if (making === undefined) {
        making = make().finally(() => underWay.delete(etag));
        underWay.set(etag, making);
      }
      const made = await making;
      keep(made);
      return made;
    },
  };
}
