import type { Queryable } from "../../extract/query.ts";
import { type Receipt, writeReceipt } from "./receipt.ts";
import type { TraceFound } from "./traces.ts";

/** Writes down what is left of a person: the receipt is finished where nothing certain is. */
export async function closeReceipt(
  database: Queryable,
  receipt: Receipt,
  { publication, left }: Pick<Receipt, "publication" | "left">,
): Promise<Receipt> {
  // A mart that was held back, or an environment: the same command tries again.
  const status = left.some(isCertain) ? "landing" : "done";
  const closed: Receipt = { ...receipt, status, publication, left };
  await writeReceipt(database, closed);
  return closed;
}

/** Nothing is left of the person but what a namesake may have. */
export function isFinished({ status }: Receipt): boolean {
  return status === "done";
}

/** A namesake is nobody's mistake; but where an environment was built before, it is the person. */
export function isCertain({ identified, named, environment }: TraceFound): boolean {
  return identified > 0 || (environment !== undefined && named > 0);
}

/** Each table once; where both searches found it, as the first did. */
export function mergeTraces(
  first: readonly TraceFound[],
  second: readonly TraceFound[],
): readonly TraceFound[] {
  const known = new Set(first.map(({ table }) => table));
  return [...first, ...second.filter(({ table }) => !known.has(table))];
}
