import type { SQLQuery } from "../../extract/query.ts";
import type { Snapshot } from "../read-published.ts";

/** A row whose values are asked for by name. For people to look at: money as a double is enough. */
export type Row = {
  /** Null is empty. */
  text(column: string): string;
  /** Null is 0. */
  number(column: string): number;
  maybe(column: string): number | null;
};

/** Selects rows of a snapshot. */
export async function selectRecords(
  snapshot: Snapshot,
  statement: SQLQuery,
): Promise<readonly Row[]> {
  const { columns, rows } = await snapshot.select(statement);
  const places = new Map(columns.map(({ name }, index) => [name, index]));
  return rows.map((row) => {
    const value = (column: string) => {
      const place = places.get(column);
      if (place === undefined) throw new Error(`the result has no column ${column}`);
      return row[place] ?? null;
    };
    return {
      text: (column) => value(column) ?? "",
      number: (column) => Number(value(column) ?? 0),
      maybe: (column) => {
        const text = value(column);
        return text === null ? null : Number(text);
      },
    };
  });
}
