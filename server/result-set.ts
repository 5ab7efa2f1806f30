import type { FieldDef } from "pg";

/** The type of a column, as exact as PostgreSQL says it. */
export type ColumnType =
  | { readonly kind: "int32" | "int64" | "float64" | "boolean" | "text" | "date" }
  /** An instant, in UTC. */
  | { readonly kind: "timestamp" }
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number }
  /** A numeric without declared digits. */
  | { readonly kind: "numeric" };

export type Column = { readonly name: string; readonly type: ColumnType };

/** Values as PostgreSQL writes them, so that no digit is lost on the way out. */
export type ResultSet = {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (string | null)[])[];
};

// Object ids of built-in types never change.
const kinds = new Map<number, "int32" | "int64" | "float64" | "boolean" | "date" | "timestamp">([
  [16, "boolean"],
  [20, "int64"],
  [21, "int32"],
  [23, "int32"],
  [700, "float64"],
  [701, "float64"],
  [1082, "date"],
  [1184, "timestamp"],
]);
const NUMERIC = 1700;

/** Reads a column's type from the description that comes with a result. */
export function columnOf(
  field: Pick<FieldDef, "name" | "dataTypeID" | "dataTypeModifier">,
): Column {
  const { name, dataTypeID, dataTypeModifier } = field;
  if (dataTypeID === NUMERIC) return { name, type: numericType(dataTypeModifier) };
  return { name, type: { kind: kinds.get(dataTypeID) ?? "text" } };
}

/** PostgreSQL packs numeric(p, s) as ((p << 16) | s) + 4; -1 means none was declared. */
function numericType(modifier: number): ColumnType {
  if (modifier < 4) return { kind: "numeric" };
  const precision = ((modifier - 4) >> 16) & 0xffff;
  const scale = (modifier - 4) & 0x7ff;
  // decimal128 holds 38 digits, and a negative scale (its sign bit) is not ours to invent.
  if (precision > 38 || scale > precision) return { kind: "numeric" };
  return { kind: "decimal", precision, scale };
}
