import { execute, type Queryable, query, type SQLQuery, sql } from "../../extract/query.ts";

/** A column of a relation, its type as PostgreSQL writes it: `numeric(15,2)`. */
export type Column = { readonly name: string; readonly type: string };

/** What publishing a table changed. */
export type RowChanges = {
  readonly total: number;
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
};

/** A table and the query of the rows it should hold. */
export type Publication = {
  readonly target: SQLQuery;
  /** Rows as they should be: a relation or a parenthesised SELECT with the columns in order. */
  readonly source: SQLQuery;
  readonly columns: readonly string[];
  readonly key: readonly string[];
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

/**
 * Makes the target equal to the source by writing only what differs: readers are not blocked, and
 * indexes, grants and the views that people built on it stay.
 */
export async function applyDiff(
  database: Queryable,
  { target, source, columns, key }: Publication,
): Promise<RowChanges> {
  const names = (prefix: string, list: readonly string[]) =>
    sql.join(
      list.map((name) => sql`${sql.ident(prefix)}.${sql.ident(name)}`),
      ", ",
    );
  const sameKey = (left: string, right: string) =>
    sql.join(
      key.map((name) => sql`${sql.ident(left, name)} = ${sql.ident(right, name)}`),
      " AND ",
    );
  const keyList = sql.join(
    key.map((name) => sql.ident(name)),
    ", ",
  );
  const columnList = sql.join(
    columns.map((name) => sql.ident(name)),
    ", ",
  );
  const [firstKey = ""] = key;

  await execute(
    database,
    sql`
      create temporary table elt_diff on commit drop as
      select
        ${sql.join(
          key.map(
            (name) =>
              sql`coalesce(${sql.ident("wanted", name)}, ${sql.ident("present", name)})
                as ${sql.ident(name)}`,
          ),
          ", ",
        )},
        case
          when ${sql.ident("present", firstKey)} is null then 'add'
          when ${sql.ident("wanted", firstKey)} is null then 'remove'
          else 'change'
        end as elt_action
      from ${source} as wanted
      full join (select ${columnList} from ${target}) as present
        on ${sameKey("present", "wanted")}
      where wanted is distinct from present`,
  );
  const [counts] = await query<{ total: string; differing: string }>(
    database,
    sql`
      select
        (select count(*) from elt_diff) as differing,
        (select count(*) from ${target}) as total`,
  );
  const before = Number(counts?.total ?? 0);
  const differing = Number(counts?.differing ?? 0);
  if (differing === 0) {
    await execute(database, sql`drop table elt_diff`);
    return { total: before, added: 0, changed: 0, removed: 0 };
  }
  await execute(database, sql`analyze elt_diff`);
  const removed = await execute(
    database,
    sql`
      delete from ${target} as present
      using elt_diff
      where elt_diff.elt_action = 'remove' and ${sameKey("present", "elt_diff")}`,
  );
  const rest = columns.filter((name) => !key.includes(name));
  const changed =
    rest.length === 0
      ? 0
      : await execute(
          database,
          sql`
            update ${target} as present
            set (${sql.join(
              rest.map((name) => sql.ident(name)),
              ", ",
            )}) = row(${names("wanted", rest)})
            from ${source} as wanted
            inner join elt_diff on ${sameKey("elt_diff", "wanted")}
            where elt_diff.elt_action = 'change' and ${sameKey("present", "wanted")}`,
        );
  const added = await execute(
    database,
    sql`
      insert into ${target} (${columnList})
      select ${names("wanted", columns)}
      from ${source} as wanted
      inner join (select ${keyList} from elt_diff where elt_action = 'add') as elt_diff
        on ${sameKey("elt_diff", "wanted")}`,
  );
  await execute(database, sql`drop table elt_diff`);
  const total = before + added - removed;
  if ((added + changed + removed) * 10 > total) await execute(database, sql`analyze ${target}`);
  return { total, added, changed, removed };
}
