import { execute, type Queryable, query, type SQLQuery, sql } from "../../extract/query.ts";

/** A table and the rows that it, or a part of it, should hold. */
export type Publication = {
  readonly target: SQLQuery;
  /** Rows as they should be: a relation or a parenthesised SELECT with the columns in order. */
  readonly source: SQLQuery;
  /** The rows of the target that the source stands for: itself, or a parenthesised SELECT. */
  readonly present: SQLQuery;
  readonly columns: readonly string[];
  readonly key: readonly string[];
};

/**
 * The difference between a table and the rows it should hold, as a temporary table: the key,
 * `elt_action` (add, change, remove), `elt_changed` (names of the columns that change) and, as
 * `old.<column>`, every value that the row had. Values differ when they are stored in another way,
 * also where `=` holds them for equal or there is no `=`: 1.0 and 1.00, of type json, of a collation
 * that does not tell case apart.
 */
export type Delta = {
  readonly table: SQLQuery;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
};

/** Names of columns, quoted, with a comma between them. */
export function columnList(columns: readonly string[], of?: string): SQLQuery {
  return sql.join(
    columns.map((name) => (of === undefined ? sql.ident(name) : sql.ident(of, name))),
    ", ",
  );
}

/** The rows of two relations that have the same key. */
export function sameKey(key: readonly string[], left: string, right: string): SQLQuery {
  return sql.join(
    key.map((name) => sql`${sql.ident(left, name)} = ${sql.ident(right, name)}`),
    " AND ",
  );
}

/** The column of a delta that holds a column's value before. */
export function oldColumn(name: string): string {
  return `old.${name}`;
}

/** Writes down how the source differs from what is present, in a temporary table of that name. */
export async function computeDelta(
  database: Queryable,
  { source, present, columns, key }: Publication,
  name: string,
): Promise<Delta> {
  const table = sql.ident("pg_temp", name);
  const [firstKey = ""] = key;
  const rest = columns.filter((column) => !key.includes(column));
  const keyColumns = key.map(
    (column) =>
      sql`coalesce(${sql.ident("wanted", column)}, ${sql.ident("present", column)})
        as ${sql.ident(column)}`,
  );
  // Keys are equal here, but not all that is equal is the same. `*<>` is an operator of records.
  const differing = columns.map(
    (column) =>
      sql`case
        when row(${sql.ident("wanted", column)})::record
          *<> row(${sql.ident("present", column)})::record
        then ${column}::text end`,
  );
  const changed = sql`array_remove(array[${sql.join(differing, ", ")}]::text[], null)`;
  const oldColumns = rest.map(
    (column) => sql`${sql.ident("present", column)} as ${sql.ident(oldColumn(column))}`,
  );
  await execute(
    database,
    sql`
      create temporary table ${sql.ident(name)} on commit drop as
      select
        ${sql.join(keyColumns, ", ")},
        case
          when ${sql.ident("present", firstKey)} is null then 'add'
          when ${sql.ident("wanted", firstKey)} is null then 'remove'
          else 'change'
        end as elt_action,
        case
          when ${sql.ident("present", firstKey)} is not null
            and ${sql.ident("wanted", firstKey)} is not null
            then ${changed}
        end as elt_changed
        ${oldColumns.length > 0 ? sql`, ${sql.join(oldColumns, ", ")}` : sql``}
      from (select ${columnList(columns)} from ${source} as rows) as wanted
      full join (select ${columnList(columns)} from ${present} as rows) as present
        on ${sameKey(key, "present", "wanted")}
      where ${sql.ident("present", firstKey)} is null
        or ${sql.ident("wanted", firstKey)} is null
        or wanted *<> present`,
  );
  const [counts] = await query<{ added: string; changed: string; removed: string }>(
    database,
    sql`
      select
        count(*) filter (where elt_action = 'add') as added,
        count(*) filter (where elt_action = 'change') as changed,
        count(*) filter (where elt_action = 'remove') as removed
      from ${table}`,
  );
  const delta = {
    added: Number(counts?.added ?? 0),
    changed: Number(counts?.changed ?? 0),
    removed: Number(counts?.removed ?? 0),
  };
  if (sizeOf(delta) > 0) await execute(database, sql`analyze ${table}`);
  return { table, key, columns, ...delta };
}

/** How many rows differ. */
export function sizeOf(delta: Pick<Delta, "added" | "changed" | "removed">): number {
  return delta.added + delta.changed + delta.removed;
}

/**
 * Makes the target equal to the source by writing only what differs: readers are not blocked, and
 * indexes, grants and the views that people built on it stay.
 */
export async function applyDelta(
  database: Queryable,
  { target, source, columns, key }: Publication,
  delta: Delta,
): Promise<void> {
  const matches = (left: string) => sameKey(key, left, "delta");
  if (delta.removed > 0) {
    await execute(
      database,
      sql`
        delete from ${target} as present
        using ${delta.table} as delta
        where delta.elt_action = 'remove' and ${matches("present")}`,
    );
  }
  if (delta.changed > 0) {
    await execute(
      database,
      sql`
        update ${target} as present
        set (${columnList(columns)}) = row(${columnList(columns, "wanted")})
        from ${source} as wanted
        inner join ${delta.table} as delta on ${matches("wanted")}
        where delta.elt_action = 'change' and ${sameKey(key, "present", "wanted")}`,
    );
  }
  if (delta.added > 0) {
    await execute(
      database,
      sql`
        insert into ${target} (${columnList(columns)})
        select ${columnList(columns, "wanted")}
        from ${source} as wanted
        inner join (
          select ${columnList(key)} from ${delta.table} where elt_action = 'add'
        ) as delta on ${matches("wanted")}`,
    );
  }
}
