import { createHash } from "node:crypto";
import { DatabaseError, type PoolClient } from "pg";
import { execute, query, sql } from "../../extract/query.ts";
import { ConfigError } from "../errors.ts";
import { quoted } from "./draft.ts";
import { type Seed, seedColumnType } from "./seed.ts";
import { columnList } from "./table-delta.ts";
import { type Column, columnsOf, type RowChanges } from "./table-diff.ts";
import { withLockTimeout } from "./with-lock-timeout.ts";

const DEPENDENTS_EXIST = "2BP01";

/** Changes when a row, a column or a type of the seed does. */
export function seedFingerprint(seed: Seed): string {
  const { columns, rows } = seed;
  const content = JSON.stringify([columns.map((name) => [name, seedColumnType(name)]), rows]);
  return createHash("sha256").update(content).digest("hex");
}

/** What publishing a seed did; `altered` tells of columns that came or went. */
export type SeedChanges = RowChanges & { readonly altered: boolean };

/**
 * Makes a seed's table hold the rows of its csv files; nothing is written when it already does.
 * Columns come and go in the table that stands, since views may stand on it.
 * @param schema where the table stands
 * @throws ConfigError when something still reads a column that goes
 */
export async function publishSeed(
  client: PoolClient,
  seed: Seed,
  schema = "seeds",
): Promise<SeedChanges> {
  const wanted: Column[] = seed.columns.map((name) => ({ name, type: seedColumnType(name) }));
  const name = quoted(schema, seed.relation);
  const published = await columnsOf(client, name);
  const altered = await alterSeed(client, seed, { name, published, wanted });
  const table = sql.ident(schema, seed.relation);
  const list = columnList(seed.columns);
  const values = sql.join(
    wanted.map((column, index) => {
      const cells = seed.rows.map((row) => row[index] ?? null);
      return sql`${cells}::${sql.__dangerous__rawValue(column.type)}[]`;
    }),
    ", ",
  );
  const rows = sql`(select * from unnest(${values}) as row)`;
  const present = sql`(select ${list} from ${table})`;
  const [difference] = await query<{ removed: string; added: string }>(
    client,
    sql`
      select
        (select count(*) from (${present} except all ${rows}) as gone) as removed,
        (select count(*) from (${rows} except all ${present}) as fresh) as added`,
  );
  const removed = Number(difference?.removed ?? 0);
  const added = Number(difference?.added ?? 0);
  if (removed + added > 0) {
    await execute(client, sql`delete from ${table}`);
    await execute(client, sql`insert into ${table} (${list}) select * from ${rows} as row`);
    await execute(client, sql`analyze ${table}`);
  }
  return { total: seed.rows.length, added, changed: 0, removed, altered };
}

/** Creates the table, or gives it the columns that it lacks and lets go of those that are gone. */
async function alterSeed(
  client: PoolClient,
  seed: Seed,
  table: {
    readonly name: string;
    readonly published: readonly Column[];
    readonly wanted: readonly Column[];
  },
): Promise<boolean> {
  const { name, published, wanted } = table;
  const definition = (column: Column) => `${quoted(column.name)} ${column.type}`;
  if (published.length === 0) {
    await client.query(`create table ${name} (${wanted.map(definition).join(", ")})`);
    return true;
  }
  const lacks = (columns: readonly Column[]) => (column: Column) =>
    !columns.some((one) => one.name === column.name);
  const gone = published.filter(lacks(wanted));
  const changes = [
    ...wanted.filter(lacks(published)).map((column) => `add column ${definition(column)}`),
    ...gone.map((column) => `drop column ${quoted(column.name)}`),
  ];
  if (changes.length === 0) return false;
  await withLockTimeout(client, [name], async () => {
    try {
      await client.query(`alter table ${name} ${changes.join(", ")}`);
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== DEPENDENTS_EXIST) throw error;
      throw new ConfigError([
        `models/seeds/${seed.relation}.csv no longer has ${gone.map((column) => column.name).join(", ")}, and ${error.detail ?? error.message} Build once with the models changed and the column still there, drop what other people made on it, then take it out.`,
      ]);
    }
  });
  return true;
}
