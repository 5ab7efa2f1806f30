import type { Pool } from "pg";
import { expect } from "vitest";
import type { Account } from "../../../emulator/account.ts";
import { defaultObjects } from "../../../extract/catalogue.ts";
import { compareWithSource, leftovers, noDifference } from "../../extract/emulated-extraction.ts";
import { runPipeline } from "../../pipeline.ts";
import { withTestDatabase } from "../../postgres.ts";
import { publishedRows } from "../../published-rows.ts";

/**
 * Holds a database to its source: every record landed once, as the source has it; every table and view
 * equal, row by row, to a first and full build of the same source in a database of its own; nothing
 * of a broken run left.
 */
export async function expectRecovered(pool: Pool, account: Account): Promise<void> {
  for (const { name } of defaultObjects) {
    // A record of these tests is edited once at most.
    const difference = await compareWithSource(pool, account, name, { versionsOfKey: 2 });
    expect({ object: name, ...difference }).toEqual({ object: name, ...noDifference });
  }
  expect(await unproven(pool, account.conta)).toEqual([]);
  expect(await leftovers(pool, account.conta)).toEqual([]);
  expect(await strayThings(pool)).toEqual([]);
  const published = await publishedRows(pool);
  await withTestDatabase(async (fresh) => {
    // Masked documents are hashes with a salt of the database.
    const { rows } = await pool.query("select value from elt.secrets where name = 'salt'");
    await fresh.pool.query("update elt.secrets set value = $1 where name = 'salt'", [
      rows[0].value,
    ]);
    await runPipeline(fresh, account);
    expect(published).toEqual(await publishedRows(fresh.pool));
  });
}

/** Objects whose last reading was not proven, or took more than one pass where nothing moved. */
async function unproven(pool: Pool, conta: string): Promise<readonly unknown[]> {
  const { rows } = await pool.query(
    `select objeto, verdict, passes, error from (
       select distinct on (objeto) * from elt.loads where conta = $1 order by objeto, load_id desc
     ) as last
     where verdict <> 'proven' or passes > 1`,
    [conta],
  );
  return rows;
}

/**
 * What a run makes for itself, and must not leave: schemas, tables, locks, transactions, open records.
 * Temporary tables of a server that crashed have lost their files; PostgreSQL takes their names away itself.
 */
async function strayThings(pool: Pool): Promise<readonly string[]> {
  const { rows } = await pool.query<{ stray: string }>(
    `select 'schema ' || nspname as stray from pg_namespace
     where nspname !~ '^pg_' and nspname <> all (
       array['information_schema', 'public', 'landing', 'elt', 'staging', 'seeds', 'marts', 'marts_pii']
     )
     union all
     select 'table ' || oid::regclass from pg_class
     where relkind = 'r' and relname ~ '^(elt_|scan_keys_)' and relpersistence <> 't'
     union all
     select 'lock of ' || application_name from pg_locks inner join pg_stat_activity using (pid)
     where pg_locks.locktype = 'advisory' and datname = current_database()
     union all
     select 'transaction of ' || application_name from pg_stat_activity
     where datname = current_database() and xact_start is not null and pid <> pg_backend_pid()
       and backend_type = 'client backend'
     union all
     select 'run without an end: ' || run_id from elt.runs where finished_at is null`,
  );
  return rows.map(({ stray }) => stray);
}
