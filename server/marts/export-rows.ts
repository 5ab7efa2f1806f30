import { type SQLQuery, sql } from "../../extract/query.ts";
import type { Snapshot } from "../read-published.ts";
import type { ColumnType } from "../result-set.ts";
import { type ArrowColumn, arrowRows } from "./arrow-rows.ts";
import type { MartColumn } from "./catalogue.ts";
import { isCategory } from "./category-columns.ts";
import { type RowsSource, selectRows } from "./compose-rows.ts";
import type { RowsQuery } from "./rows-query.ts";

export type StreamFormat = "ndjson" | "csv" | "arrow";

/**
 * The rows of a query as the bytes of a format, in constant memory, however many they are. COPY
 * writes CSV and NDJSON itself, so that they pass through untouched.
 */
export async function* exportRows(options: {
  readonly snapshot: Snapshot;
  readonly format: StreamFormat;
  readonly source: RowsSource;
  readonly query: RowsQuery;
  readonly isOrdered: boolean;
  readonly limit: number | undefined;
  /** What stands in the schema of an Arrow stream. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
}): AsyncGenerator<Uint8Array> {
  const { snapshot, format, source, query, signal, metadata } = options;
  switch (format) {
    case "csv":
      yield* snapshot.copy(selectRows(source, query, options), "format csv, header", signal);
      return;
    case "ndjson": {
      const rows = selectRows(source, query, options, asJsonValue);
      yield* snapshot.copy(sql`select row_to_json(line) from (${rows}) as line`, asIs, signal);
      return;
    }
    case "arrow": {
      const columns = await arrowColumns(snapshot, source, query.columns);
      const rows = selectRows(source, query, options, asArrowValue);
      yield* arrowRows(snapshot.copy(rows, "format binary", signal), columns, metadata);
    }
  }
}

/** Lines of JSON hold no control character, so none of them is quoted or escaped. */
const asIs = String.raw`format csv, quote E'\x01', delimiter E'\x02'`;

/** As the other JSON writes it: instants end in Z, and what is no number is null. */
function asJsonValue(value: SQLQuery, { type }: MartColumn): SQLQuery {
  switch (type.kind) {
    case "timestamp":
      return sql`replace(to_json(${value}) #>> '{}', '+00:00', 'Z')`;
    case "numeric":
    case "decimal":
    case "float64":
      return sql`case when ${value}::text not in ('NaN', 'Infinity', '-Infinity') then ${value} end`;
    default:
      return value;
  }
}

/** In the width that the reader of the binary format expects. */
function asArrowValue(value: SQLQuery, { type }: MartColumn): SQLQuery {
  switch (type.kind) {
    case "int32":
      return sql`${value}::integer`;
    case "float64":
      return sql`${value}::double precision`;
    case "text":
      return sql`${value}::text`;
    default:
      return value;
  }
}

/**
 * What each column is in Arrow. A numeric without declared digits gets as many decimals as the whole
 * column has, so that pages of one publication agree; if that leaves too few for what stands before
 * the point it becomes a text.
 */
async function arrowColumns(
  snapshot: Snapshot,
  { relation, clear }: RowsSource,
  columns: readonly MartColumn[],
): Promise<readonly ArrowColumn[]> {
  const open = columns.filter(({ type }) => type.kind === "numeric");
  const types = new Map<string, ColumnType>();
  if (open.length > 0) {
    const measures = open.flatMap(({ name }) => {
      const column = sql.ident(name);
      const finite = sql`${column} not in ('NaN', 'Infinity', '-Infinity')`;
      return [
        sql`coalesce(max(scale(${column})) filter (where ${finite}), 0)`,
        sql`coalesce(max(length(trunc(abs(${column}))::text)) filter (where ${finite}), 0)`,
      ];
    });
    const { rows } = await snapshot.select(
      sql`select ${sql.join(measures, ", ")} from ${sql.ident("marts", relation.name)}`,
    );
    open.forEach(({ name }, index) => {
      const scale = Number(rows[0]?.[2 * index] ?? 0);
      const whole = Number(rows[0]?.[2 * index + 1] ?? 0);
      const fits = scale + whole <= 38;
      types.set(name, fits ? { kind: "decimal", precision: 38, scale } : { kind: "text" });
    });
  }
  return columns.map((column) => ({
    name: column.name,
    type: types.get(column.name) ?? column.type,
    // What is joined from elsewhere may be missing there.
    nullable: column.nullable || clear?.columns.has(column.name) === true,
    isCategory: isCategory(column),
  }));
}
