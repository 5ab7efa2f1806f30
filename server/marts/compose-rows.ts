import { type SQLQuery, sql } from "../../extract/query.ts";
import type { ClearSource, MartColumn, Relation } from "./catalogue.ts";
import { isAfter } from "./cursor.ts";
import type { Condition } from "./read-condition.ts";
import type { OrderTerm } from "./read-order.ts";
import type { RowsQuery } from "./rows-query.ts";

/** Where rows come from, for one reader. */
export type RowsSource = {
  readonly relation: Relation;
  /** Clear values for masked columns; undefined shows masks. */
  readonly clear: ClearSource | undefined;
  /** Accounts to narrow to; undefined means none. */
  readonly contas: readonly string[] | undefined;
};

/** How a column is written, when not as it is: for formats that need texts. */
export type ColumnWriter = (value: SQLQuery, column: MartColumn) => SQLQuery;

/**
 * The statement for rows. Names are the catalogue's; every value is a text parameter with a cast, so
 * that it serves COPY, too.
 */
export function selectRows(
  source: RowsSource,
  query: RowsQuery,
  options: { readonly isOrdered: boolean; readonly limit: number | undefined },
  write: ColumnWriter = (value) => value,
): SQLQuery {
  const columns = query.columns.map((column) => {
    const value = write(referenceTo(source, column.name), column);
    return sql`${value} as ${sql.ident(column.name)}`;
  });
  return sql`
    select ${sql.join(columns, ", ")}
    ${fromRows(source, query)}
    ${options.isOrdered ? orderRows(source, query.order) : sql``}
    ${options.limit === undefined ? sql`` : sql`limit ${String(options.limit)}::bigint`}
    ${query.offset === 0 ? sql`` : sql`offset ${String(query.offset)}::bigint`}`;
}

/**
 * The statement for the end of a page of `limit` rows: its last row's place in the order, as texts,
 * and a second row when there are more.
 */
export function selectPageEnd(source: RowsSource, query: RowsQuery, limit: number): SQLQuery {
  const columns = query.order.map(({ column }, index) => {
    const value = referenceTo(source, column.name);
    return sql`${value}::text as ${sql.ident(`c${index}`)}`;
  });
  return sql`
    select ${sql.join(columns, ", ")}
    ${fromRows(source, query)}
    ${orderRows(source, query.order)}
    limit 2
    offset ${String(query.offset + limit - 1)}::bigint`;
}

function referenceTo({ clear }: RowsSource, column: string): SQLQuery {
  const shown = clear?.columns.get(column);
  return shown === undefined ? sql.ident("masked", column) : sql.ident("clear", shown);
}

function fromRows(source: RowsSource, query: RowsQuery): SQLQuery {
  const { relation, clear, contas } = source;
  const join =
    clear === undefined
      ? sql``
      : sql`left join ${sql.ident("marts_pii", clear.relation)} as clear on ${sql.join(
          [...clear.key].map(
            ([own, other]) => sql`${sql.ident("clear", other)} = ${sql.ident("masked", own)}`,
          ),
          " AND ",
        )}`;
  const conditions = query.conditions.map((condition) => writeCondition(source, condition));
  if (contas !== undefined) {
    const names = sql`string_to_array(${contas.join(",")}::text, ',')`;
    conditions.push(sql`${referenceTo(source, "conta")} = any (${names})`);
  }
  if (query.after !== undefined) {
    const reference = ({ column }: OrderTerm) => referenceTo(source, column.name);
    conditions.push(isAfter(query.order, query.after, reference));
  }
  const where = conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, " AND ")}`;
  return sql`from ${sql.ident("marts", relation.name)} as masked ${join} ${where}`;
}

function orderRows(source: RowsSource, order: readonly OrderTerm[]): SQLQuery {
  const terms = order.map(({ column, direction, nulls }) => {
    const words = sql.__dangerous__rawValue(
      // Said only where there can be nulls: an index without the words serves the order, too.
      column.nullable ? `${direction} nulls ${nulls}` : direction,
    );
    return sql`${referenceTo(source, column.name)} ${words}`;
  });
  return terms.length === 0 ? sql`` : sql`order by ${sql.join(terms, ", ")}`;
}

function writeCondition(source: RowsSource, condition: Condition): SQLQuery {
  switch (condition.kind) {
    case "compare": {
      const operator = sql.__dangerous__rawValue(condition.operator);
      return sql`${referenceTo(source, condition.column)} ${operator} ${condition.value}`;
    }
    case "in":
      return condition.values.length === 0
        ? sql`false`
        : sql`${referenceTo(source, condition.column)} in (${sql.join([...condition.values], ", ")})`;
    case "is":
      return sql`${referenceTo(source, condition.column)} is ${condition.what}`;
    case "not":
      return sql`not (${writeCondition(source, condition.of)})`;
    case "and":
    case "or":
      return sql`(${sql.join(
        condition.of.map((each) => writeCondition(source, each)),
        condition.kind === "and" ? " AND " : " OR ",
      )})`;
  }
}
