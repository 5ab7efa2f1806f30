import { type CvdwRecord, keyText, orderOf } from "./record.ts";

/**
 * The rows an object starts with, addressed by position. Positions ascend in `referencia_data`.
 * Nothing is stored: a row is computed when asked for, or read from an array.
 */
export type BaseRows = {
  readonly count: number;
  /** The record at a position; the same each time. */
  readonly record: (position: number) => CvdwRecord;
  /** Text that orders the row: its `referencia_data`, '' when absent. Never falls as positions grow. */
  readonly order: (position: number) => string;
  /** The hidden change stamp that the date filters look at. Never falls, but for the exceptions below. */
  readonly stamp: (position: number) => string;
  /** Rows changed later than their position tells: position → stamp. */
  readonly changedLater: ReadonlyMap<number, string>;
  /** The position of a key (its parts joined by "|"), or undefined. */
  readonly find: (key: string) => number | undefined;
};

/** Rows with a stamp of their own; it defaults to the record's `referencia_data`. */
export type StampedRecord = { readonly record: CvdwRecord; readonly stamp?: string };

/** What a row without a date is stamped with when nothing else is said. */
const OLDEST_STAMP = "2000-01-01 00:00:00";

/** Rows held in memory, sorted by `referencia_data` (ties keep the given order). */
export function rowsFromArray(given: readonly StampedRecord[], key: readonly string[]): BaseRows {
  const rows = given
    .map((row) => ({ ...row, order: orderOf(row.record) }))
    .sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
  const changedLater = new Map<number, string>();
  const positions = new Map<string, number>();
  rows.forEach((row, position) => {
    if (row.stamp !== undefined) changedLater.set(position, row.stamp);
    positions.set(keyText(row.record, key), position);
  });
  const at = (position: number) => {
    const row = rows[position];
    if (row === undefined) throw new RangeError(`no row at position ${position}`);
    return row;
  };
  return {
    count: rows.length,
    record: (position) => at(position).record,
    order: (position) => at(position).order,
    stamp: (position) => at(position).order || OLDEST_STAMP,
    changedLater,
    find: (wanted) => positions.get(wanted),
  };
}
