import { createHash } from "node:crypto";
import type { PoolClient } from "pg";
import { execute, query, sql } from "../../extract/query.ts";
import { type Seed, seedColumnType } from "./seed.ts";
import { type Column, columnsOf, type RowChanges } from "./table-diff.ts";

/** Changes when a row, a column or a type of the seed does. */
export function seedFingerprint(seed: Seed): string {
  const { columns, rows } = seed;
  const content = JSON.stringify([columns.map((name) => [name, seedColumnType(name)]), rows]);
  return createHash("sha256").update(content).digest("hex");
}

/**
 * Makes a seed's table hold the rows of its csv files; nothing is written when it already does.
 * @param schema where the table stands
 */
export async function publishSeed(
  client: PoolClient,
  seed: Seed,
  schema = "seeds",
): Promise<RowChanges> {
  const wanted: Column[] = seed.columns.map((name) => ({ name, type: seedColumnType(name) }));
  const table = sql.ident(schema, seed.relation);
  const published = await columnsOf(client, `${schema}.${seed.relation}`);
  const same = (a: readonly Column[], b: readonly Column[]) =>
    JSON.stringify(a) === JSON.stringify(b);
  if (published.length > 0 && !same(published, wanted)) {
    await execute(client, sql`drop table ${table}`);
  }
  if (!same(published, wanted)) {
    const definitions = sql.join(
      wanted.map(({ name, type }) => sql`${sql.ident(name)} ${sql.__dangerous__rawValue(type)}`),
      ", ",
    );
    await execute(client, sql`create table ${table} (${definitions})`);
  }
  const columns = sql.join(
    wanted.map((column, index) => {
      const values = seed.rows.map((row) => row[index] ?? null);
      return sql`${values}::${sql.__dangerous__rawValue(column.type)}[]`;
    }),
    ", ",
  );
  const rows = sql`(select * from unnest(${columns}) as row)`;
  const [difference] = await query<{ removed: string; added: string }>(
    client,
    sql`
      select
        (select count(*) from (table ${table} except all ${rows}) as gone) as removed,
        (select count(*) from (${rows} except all table ${table}) as fresh) as added`,
  );
  const removed = Number(difference?.removed ?? 0);
  const added = Number(difference?.added ?? 0);
  if (removed + added > 0) {
    await execute(client, sql`delete from ${table}`);
    await execute(client, sql`insert into ${table} select * from ${rows} as row`);
    await execute(client, sql`analyze ${table}`);
  }
  return { total: seed.rows.length, added, changed: 0, removed };
}
