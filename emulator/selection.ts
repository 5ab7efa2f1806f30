import type { BaseRows } from "./base-rows.ts";
import type { CvdwRecord } from "./record.ts";

/** A row that left its base position, or never had one. */
export type ExtraRow = {
  readonly record: CvdwRecord;
  /** As in BaseRows. */
  readonly order: string;
  readonly stamp: string;
};

/** Inclusive bounds on the hidden change stamp. */
export type StampRange = { readonly from?: string; readonly until?: string };

/** What changed over the base rows. */
export type Overlay = {
  /** Base positions that show nothing any more. */
  readonly gone: ReadonlySet<number>;
  /** Base positions whose stamp changed. */
  readonly restamped: ReadonlyMap<number, string>;
  /** Sorted by `order`; among equals by the time they came. */
  readonly extras: readonly ExtraRow[];
};

export type SelectedRow =
  | { readonly from: "base"; readonly position: number }
  | { readonly from: "extra"; readonly row: ExtraRow };

/** The rows a filter lets through, in the order of pages, each reachable without the ones before it. */
export type Selection = {
  readonly count: number;
  readonly at: (index: number) => SelectedRow;
};

/**
 * Selects the rows whose change stamp lies in a range. Costs the logarithm of the base plus the
 * size of the overlay, so the last page of a million rows is as cheap as the first.
 */
export function select(base: BaseRows, overlay: Overlay, range: StampRange): Selection {
  const { from = "", until = "\uffff" } = range;
  const inRange = (stamp: string) => stamp >= from && stamp <= until;
  const low = firstPosition(base.count, (position) => base.stamp(position) >= from);
  const high = Math.max(
    low,
    firstPosition(base.count, (position) => base.stamp(position) > until),
  );

  const stamps = new Map([...base.changedLater, ...overlay.restamped]);
  const absent = new Set<number>();
  for (const position of overlay.gone) {
    if (position >= low && position < high) absent.add(position);
  }
  const before: number[] = [];
  const after: number[] = [];
  for (const [position, stamp] of stamps) {
    if (overlay.gone.has(position)) continue;
    const inside = position >= low && position < high;
    if (inside && !inRange(stamp)) absent.add(position);
    if (!inside && inRange(stamp)) (position < low ? before : after).push(position);
  }
  before.sort(ascending);
  after.sort(ascending);
  const holes = [...absent].sort(ascending);
  const middle = high - low - holes.length;
  const baseCount = before.length + middle + after.length;

  const positionAt = (index: number): number => {
    if (index < before.length) return before[index] ?? 0;
    const inMiddle = index - before.length;
    if (inMiddle >= middle) return after[inMiddle - middle] ?? 0;
    // The hole number h stands before the wanted row while h rows or fewer precede it.
    const skipped = firstPosition(holes.length, (h) => (holes[h] ?? 0) - low - h > inMiddle);
    return low + inMiddle + skipped;
  };
  const rankOf = (position: number): number => {
    const edge = Math.min(Math.max(position, low), high);
    const skipped = countBelow(holes, edge);
    return countBelow(before, position) + (edge - low - skipped) + countBelow(after, position);
  };

  const extras = overlay.extras
    .filter((row) => inRange(row.stamp))
    .map((row, nth) => {
      const anchor = firstPosition(base.count, (position) => base.order(position) > row.order);
      return { row, index: rankOf(anchor) + nth };
    });

  return {
    count: baseCount + extras.length,
    at: (index) => {
      const nth = firstPosition(extras.length, (e) => (extras[e]?.index ?? 0) >= index);
      const extra = extras[nth];
      if (extra !== undefined && extra.index === index) return { from: "extra", row: extra.row };
      return { from: "base", position: positionAt(index - nth) };
    },
  };
}

function ascending(a: number, b: number): number {
  return a - b;
}

/** The first number in [0, count) for which a rising condition holds, else count. */
function firstPosition(count: number, holds: (position: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function countBelow(sorted: readonly number[], bound: number): number {
  return firstPosition(sorted.length, (index) => (sorted[index] ?? 0) >= bound);
}
