/**
 * The name that was probably meant: the closest of those that exist, when it is close enough to be
 * a slip of the hand. Case, and a schema that only one of the two has, do not count.
 */
export function nearName(written: string, existing: Iterable<string>): string | undefined {
  const wanted = written.toLowerCase();
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of new Set(existing)) {
    const known = name.toLowerCase();
    const distance = Math.min(editDistance(wanted, known), withoutSchema(wanted, known));
    const allowed = Math.max(1, Math.floor(Math.min(wanted.length, known.length) / 3));
    if (distance <= allowed && (best === undefined || distance < best.distance)) {
      best = { name, distance };
    }
  }
  return best?.name;
}

/** The hint that names it, or undefined when nothing is near. */
export function didYouMean(written: string, existing: Iterable<string>): string | undefined {
  const name = nearName(written, existing);
  return name === undefined ? undefined : `did you mean ${name}?`;
}

/** `vendas` for `marts.vendas` is one slip, whatever the length of the schema's name. */
function withoutSchema(written: string, known: string): number {
  const bare = (name: string) => name.slice(name.indexOf(".") + 1);
  const differ = written.includes(".") !== known.includes(".");
  return differ && bare(written) === bare(known) ? 1 : Number.POSITIVE_INFINITY;
}

/** Insertions, deletions, replacements and swaps of neighbours between two words. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
