/** A JSON value. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json };

/** One record of an object, as a page shows it. */
export type CvdwRecord = { readonly [field: string]: Json };

/**
 * The text that orders a record: its `referencia_data`, or '' when that is absent, so that blank,
 * null and zero dates all come first.
 */
export function orderOf(record: CvdwRecord): string {
  const shown = record.referencia_data;
  return typeof shown === "string" && !shown.startsWith("0000") ? shown : "";
}

/** A record's key as one text; the parts of a composed key are joined by "|". */
export function keyText(record: CvdwRecord, key: readonly string[]): string {
  return key.map((field) => String(record[field] ?? "")).join("|");
}
