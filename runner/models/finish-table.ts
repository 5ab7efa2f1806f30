import type { PoolClient } from "pg";
import { execute, type Queryable, query, type SQLQuery, sql } from "../../extract/query.ts";
import { protectRows } from "./access.ts";
import { withinIndexLimits } from "./index-limit.ts";
import { assertKey } from "./key-test.ts";
import { ModelError } from "./problem.ts";
import type { Model } from "./project.ts";
import { commentRelation } from "./relation-record.ts";
import { columnList } from "./table-delta.ts";
import type { Column } from "./table-diff.ts";

/**
 * Gives a table that was just filled its key, indexes, policy, comments and statistics.
 * @param schema where it stands for now, which need not be where it will be published
 */
export async function finishNewTable(
  client: PoolClient,
  model: Model,
  schema: string,
  columns: readonly Column[],
): Promise<void> {
  const table = sql.ident(schema, model.relation);
  await addPrimaryKey(client, model, table);
  await ensureIndexes(client, model, schema, columns);
  if (model.schema === "marts") await protectRows(client, schema, model.relation, columns);
  await commentRelation(client, model, schema, columns);
  await execute(client, sql`analyze ${table}`);
}

/** The index finds repeated keys by itself; the test that names them runs only when there are any. */
async function addPrimaryKey(client: PoolClient, model: Model, table: SQLQuery): Promise<void> {
  await client.query("savepoint primary_key");
  try {
    await withinIndexLimits(model, { keyword: "key", names: model.header.key }, () =>
      execute(client, sql`alter table ${table} add primary key (${columnList(model.header.key)})`),
    );
    await client.query("release savepoint primary_key");
  } catch (error) {
    await client.query("rollback to savepoint primary_key");
    if (error instanceof ModelError) throw error;
    await assertKey(client, model, table);
    throw error;
  }
}

/** Columns of a table's primary key, in its order. */
export async function primaryKeyOf(
  database: Queryable,
  relation: string,
): Promise<readonly string[]> {
  const [row] = await query<{ columns: string[] }>(
    database,
    sql`
      select array(
        select attname::text
        from unnest(conkey) with ordinality as part (attnum, place)
        inner join pg_attribute on attrelid = conrelid and pg_attribute.attnum = part.attnum
        order by place
      ) as columns
      from pg_constraint
      where conrelid = to_regclass(${relation}) and contype = 'p'`,
  );
  return row?.columns ?? [];
}

/** Creates the header's indexes that the table does not have; others on it are left alone. */
export async function ensureIndexes(
  database: Queryable,
  model: Model,
  schema: string,
  columns: readonly Column[],
): Promise<void> {
  const wanted = model.header.indexes.filter((index) =>
    index.every((name) => columns.some((column) => column.name === name)),
  );
  if (wanted.length === 0) return;
  const present = await query<{ columns: string[] }>(
    database,
    sql`
      select array(
        select attname::text
        from unnest(indkey::smallint[]) with ordinality as part (attnum, place)
        inner join pg_attribute on attrelid = indrelid and pg_attribute.attnum = part.attnum
        order by place
      ) as columns
      from pg_index
      where indrelid = to_regclass(${`${quoted(schema)}.${quoted(model.relation)}`})
        and indpred is null and indexprs is null`,
  );
  for (const index of wanted) {
    if (present.some((one) => one.columns.join() === index.join())) continue;
    await withinIndexLimits(model, { keyword: "index", names: index }, () =>
      execute(
        database,
        sql`create index on ${sql.ident(schema, model.relation)} (${columnList(index)})`,
      ),
    );
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
