import { decimalText, type Hundredths } from "./decimal.ts";

/** One row, column → value as PostgreSQL writes it in text. */
export type OracleRow = { readonly [column: string]: string | null };

/** What a relation of schema marts must hold. */
export type OracleRelation = {
  /** Without its schema. */
  readonly name: string;
  readonly key: readonly string[];
  /** Columns to compare, in order, and their types. */
  readonly columns: { readonly [column: string]: string };
  readonly rows: readonly OracleRow[];
};

/** A value before it is written out: hundredths are amounts, other numbers are counts. */
export type Cell = string | boolean | number | null | { readonly hundredths: Hundredths | null };

/** An amount, for a row. */
export function amount(hundredths: Hundredths | null): Cell {
  return { hundredths };
}

/** An id or another whole number that may be absent. */
export function whole(value: bigint | null): Cell {
  return value === null ? null : `${value}`;
}

/** Writes a row's values as PostgreSQL does. */
export function row(cells: { readonly [column: string]: Cell }): OracleRow {
  return Object.fromEntries(
    Object.entries(cells).map(([column, cell]) => [column, cellText(cell)]),
  );
}

function cellText(cell: Cell): string | null {
  if (cell === null || typeof cell === "string") return cell;
  if (typeof cell === "boolean") return cell ? "t" : "f";
  return typeof cell === "number" ? `${cell}` : decimalText(cell.hundredths);
}
