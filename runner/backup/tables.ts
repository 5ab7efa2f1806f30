import { type Queryable, query, sql } from "../../extract/query.ts";
import type { BackedUpTable } from "./manifest.ts";

/**
 * What the engine must remember to go on, each after those it refers to. The rest follows from it:
 * marts and their state from landing, requests and unfinished scans from the source, which is asked
 * again; results of tests and incidents are about the database that had them.
 */
export const engineTables = [
  "runs",
  "loads",
  "cursors",
  "removals",
  "quarantine",
  "fields",
  "drift",
  "accounts",
  "api_keys",
  "changes",
  // Who let which numbers through, and why.
  "kpi_holds",
  // The salt of masks and the secret of tombstones: other ones would make other marts.
  "secrets",
  "backups",
  "forgotten",
  "tombstones",
] as const;

/** A table to back up. */
export type TableToCopy = Pick<BackedUpTable, "schema" | "relation" | "columns">;

/** The tables that a backup holds: every object of landing, the mappings, the engine's memory. */
export async function tablesToCopy(database: Queryable): Promise<readonly TableToCopy[]> {
  const rows = await query<TableToCopy>(
    database,
    sql`
      select
        nspname as schema,
        relname as relation,
        json_agg(
          json_build_object('name', attname, 'type', format_type(atttypid, atttypmod))
          order by attnum
        ) as columns
      from pg_class
      inner join pg_namespace on pg_namespace.oid = relnamespace
      inner join pg_attribute on attrelid = pg_class.oid
      where relkind = 'r' and attnum > 0 and not attisdropped and attgenerated = ''
        and (
          nspname in ('landing', 'seeds')
          or nspname = 'elt' and relname = any (${[...engineTables]}::text[])
        )
      group by nspname, relname
      order by nspname, relname`,
  );
  const names: readonly string[] = engineTables;
  const order = ({ schema, relation }: TableToCopy) =>
    schema === "elt" ? names.indexOf(relation) : -1;
  return [...rows].sort((a, b) => order(a) - order(b));
}

/** The columns as COPY takes them. */
export function columnList({ columns }: Pick<TableToCopy, "columns">): string {
  return columns.map(({ name }) => `"${name.replaceAll('"', '""')}"`).join(", ");
}
