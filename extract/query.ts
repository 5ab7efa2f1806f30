import sqlModule, { type SQLQuery } from "@databases/sql";
import type { QueryResult, QueryResultRow } from "pg";

/** Tagged template that composes SQL: values become parameters, `sql.ident` quotes a name. */
export const sql = sqlModule.default;
export type { SQLQuery };

/** What runs a statement: a pool, or one connection of it. */
export type Queryable = {
  query<Row extends QueryResultRow>(text: string, values: unknown[]): Promise<QueryResult<Row>>;
};

const postgresFormat = {
  escapeIdentifier: (name: string) => `"${name.replaceAll('"', '""')}"`,
  formatValue: (value: unknown, index: number) => ({ placeholder: `$${index + 1}`, value }),
};

/** Runs a composed statement and returns its rows. Throws pg's DatabaseError. */
export async function query<Row extends QueryResultRow>(
  on: Queryable,
  statement: SQLQuery,
): Promise<Row[]> {
  const { text, values } = statement.format(postgresFormat);
  const result = await on.query<Row>(text, values);
  return result.rows;
}

/** Runs a composed statement for its effect and returns how many rows it touched. */
export async function execute(on: Queryable, statement: SQLQuery): Promise<number> {
  const { text, values } = statement.format(postgresFormat);
  const result = await on.query(text, values);
  return result.rowCount ?? 0;
}
