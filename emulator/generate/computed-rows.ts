import type { BaseRows } from "../base-rows.ts";
import { mix } from "../random.ts";
import type { CvdwRecord } from "../record.ts";
import { momentText } from "../wall-clock.ts";

/** One row in so many was changed later than its `referencia_data` shows. */
const CHANGED_LATER_EVERY = 997;

export type ComputedRows = {
  readonly count: number;
  readonly record: (position: number) => CvdwRecord;
  /** When the row last changed, as a wall-clock second. Never falls as positions grow. */
  readonly changedAt: (position: number) => number;
  /** So many rows at the start show no `referencia_data`: null, blank or a zero date. */
  readonly undated?: number;
  /** The account's today, as a day number. */
  readonly hoje: number;
  /** The position of a key, or undefined; may be out of range. */
  readonly find: (key: string) => number | undefined;
};

/** Rows that are computed when a page asks for them. */
export function computedRows(rows: ComputedRows): BaseRows {
  const { count, record, changedAt, undated = 0, hoje } = rows;
  const stamp = (position: number) => momentText(changedAt(position));
  const changedLater = new Map<number, string>();
  for (let position = 3; position < count && count >= 100; position += CHANGED_LATER_EVERY) {
    const recent = hoje * 86_400 - 1 - (mix(count, position) % (40 * 86_400));
    changedLater.set(position, momentText(Math.max(recent, changedAt(position))));
  }
  return {
    count,
    record,
    order: (position) => (position < undated ? "" : stamp(position)),
    stamp,
    changedLater,
    find: (key) => {
      const position = rows.find(key);
      const known = position !== undefined && position >= 0 && position < count;
      return known && Number.isInteger(position) ? position : undefined;
    },
  };
}

/** An amount in reais. */
export function reais(cents: number): number {
  return cents / 100;
}

/** An amount in reais as a text with a decimal point. */
export function reaisText(cents: number): string {
  return (cents / 100).toFixed(2);
}
