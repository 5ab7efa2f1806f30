import { type SQLQuery, sql } from "../../extract/query.ts";
import { badParameter } from "../parameters.ts";
import type { ColumnType } from "../result-set.ts";
import type { Relation } from "./catalogue.ts";
import type { OrderTerm } from "./read-order.ts";

/** Values of a row as PostgreSQL writes them, in the columns of an order. */
export type CursorValues = readonly (string | null)[];

/** Where the next page begins, as a text for an address: the order, and the last row's place in it. */
export function writeCursor(order: readonly OrderTerm[], values: CursorValues): string {
  return Buffer.from(JSON.stringify([signature(order), ...values])).toString("base64url");
}

/**
 * Reads a cursor that `writeCursor` made for the same order.
 * @throws Problem 400 for any other text
 */
export function readCursor(
  text: string,
  relation: Relation,
  order: readonly OrderTerm[],
): CursorValues {
  if (relation.key.length === 0) {
    throw badParameter("cursor", `"${relation.name}" não tem chave: siga por limit e offset.`);
  }
  const parsed = parse(Buffer.from(text, "base64url").toString("utf8"));
  const [of, ...values] = parsed ?? [];
  const isWhole = values.every((value) => value === null || typeof value === "string");
  if (of === signature(order) && isWhole && values.length === order.length) return values;
  throw badParameter(
    "cursor",
    "Este cursor não é desta consulta: use o da resposta anterior, com o mesmo order, ou comece sem cursor.",
  );
}

function signature(order: readonly OrderTerm[]): string {
  return order
    .map(({ column, direction, nulls }) => `${column.name}.${direction}.nulls${nulls}`)
    .join(",");
}

function parse(text: string): readonly (string | null)[] | undefined {
  try {
    const found: unknown = JSON.parse(text);
    return Array.isArray(found) && !text.includes("\\u0000") ? found : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The rows that come after a place in an order: equal in the first columns and behind in the next,
 * for each of them. Columns that are never null and all ascending compare as one row, which an
 * index on them answers at once.
 */
export function isAfter(
  order: readonly OrderTerm[],
  values: CursorValues,
  reference: (term: OrderTerm) => SQLQuery,
): SQLQuery {
  const places = order.map((term, index) => ({
    term,
    column: reference(term),
    value: values[index] ?? null,
  }));
  const isPlain = places.every(
    ({ term, value }) => term.direction === "asc" && !term.column.nullable && value !== null,
  );
  if (isPlain) {
    const columns = places.map(({ column }) => column);
    const bounds = places.map(({ term, value }) => cursorValue(term.column.type, value ?? ""));
    return sql`(${sql.join(columns, ", ")}) > (${sql.join(bounds, ", ")})`;
  }
  const alternatives = places.map((_place, index) => {
    const before = places
      .slice(0, index)
      .map(({ term, column, value }) =>
        value === null
          ? sql`${column} is null`
          : sql`${column} = ${cursorValue(term.column.type, value)}`,
      );
    const last = places.slice(index, index + 1).map(behind);
    return sql`(${sql.join([...before, ...last], " AND ")})`;
  });
  return sql`(${sql.join(alternatives, " OR ")})`;
}

function behind(place: {
  readonly term: OrderTerm;
  readonly column: SQLQuery;
  readonly value: string | null;
}): SQLQuery {
  const { term, column, value } = place;
  if (value === null) return term.nulls === "first" ? sql`${column} is not null` : sql`false`;
  const bound = cursorValue(term.column.type, value);
  const further = term.direction === "asc" ? sql`${column} > ${bound}` : sql`${column} < ${bound}`;
  return term.nulls === "last" && term.column.nullable
    ? sql`(${further} or ${column} is null)`
    : further;
}

/** A value that this server read from the database before, back in its type. */
function cursorValue({ kind }: ColumnType, value: string): SQLQuery {
  switch (kind) {
    case "int32":
    case "int64":
      return sql`${value}::bigint`;
    case "float64":
      return sql`${value}::double precision`;
    case "decimal":
    case "numeric":
      return sql`${value}::numeric`;
    case "boolean":
      return sql`${value}::boolean`;
    case "date":
      return sql`${value}::date`;
    case "timestamp":
      return sql`${value}::timestamptz`;
    case "text":
      return sql`${value}::text`;
  }
}
