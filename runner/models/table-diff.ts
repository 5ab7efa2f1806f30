import { type Queryable, query, sql } from "../../extract/query.ts";

/** A column of a relation, its type as PostgreSQL writes it: `numeric(15,2)`. */
export type Column = { readonly name: string; readonly type: string };

/** What publishing a table changed. */
export type RowChanges = {
  readonly total: number;
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
};

/** Columns of a relation in their order; empty when it does not exist. */
export async function columnsOf(database: Queryable, relation: string): Promise<Column[]> {
  return query<Column>(
    database,
    sql`
      select attname as name, format_type(atttypid, atttypmod) as type
      from pg_attribute
      where attrelid = to_regclass(${relation}) and attnum > 0 and not attisdropped
      order by attnum`,
  );
}
