import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import path from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { Pool, PoolClient } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { connect } from "../../extract/connection.ts";
import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import { ConfigError } from "../errors.ts";
import { type ForgottenAgain, forgetAgain } from "../forget/forget-again.ts";
import type { Register } from "../forget/register.ts";
import { finishRun, startRun } from "../run-record.ts";
import { rememberBackup } from "./back-up.ts";
import type { BackedUpTable, Manifest } from "./manifest.ts";
import { columnList, engineTables, tablesToCopy } from "./tables.ts";

/** Tables of the engine that must be empty: what is in them was somebody's work. */
const precious = [
  "loads",
  "cursors",
  "removals",
  "quarantine",
  "api_keys",
  "changes",
  "tombstones",
];

/**
 * Puts a backup into a database whose landing is empty, in one transaction. The marts follow with the
 * next build, the source is then read on from where it was. Call it with files that are verified, and
 * while nothing is built.
 * @param options `told` is called with each table before it is read; of `register` whoever was forgotten after the backup
 * was made is forgotten again, before anybody can see them
 * @throws ConfigError when the database is not empty, or is not of a version that can take it
 */
export async function restore(
  pool: Pool,
  folder: string,
  manifest: Manifest,
  options: {
    readonly register?: Register | undefined;
    readonly told: (what: string) => void;
  },
): Promise<ForgottenAgain | undefined> {
  const { register, told } = options;
  const { client, release } = await connect(pool);
  let again: ForgottenAgain | undefined;
  try {
    await client.query("begin");
    await client.query("set local datestyle = 'ISO, YMD'");
    // Whoever wants to extract waits here, before a load has a number.
    await client.query("lock table elt.runs, elt.loads in access exclusive mode");
    await refuseVersion(client, manifest);
    await refuseContent(client);
    await makeRoom(client, manifest);
    await refuseColumns(client, manifest);
    for (const table of manifest.tables) {
      told(`${table.schema}.${table.relation}`);
      await readTable(client, folder, table);
    }
    await moveSequences(client, manifest);
    await closeRuns(client);
    if (register !== undefined) {
      told("whoever was forgotten, by the list");
      // Tables without statistics are taken for small: each batch of versions would sort all of them.
      await analyze(client, manifest);
      again = await forgetAgain(client, register, "erase", "restore");
    }
    await rememberBackup(client, path.resolve(folder), manifest);
    const runId = await startRun(client, { command: "restore", conta: null, options: { folder } });
    await finishRun(client, runId, { exitCode: 0, error: null });
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  } finally {
    release({ close: true });
  }
  await pool.query("analyze");
  return again;
}

async function refuseVersion(database: Queryable, { migrations }: Manifest): Promise<void> {
  const rows = await query<{ name: string }>(database, sql`select name from elt.migrations`);
  const here = new Set(rows.map(({ name }) => name));
  const unknown = migrations.filter((name) => !here.has(name));
  if (unknown.length === 0) return;
  throw new ConfigError([
    `The backup was made by a newer version of the program (it has ${unknown.join(", ")}): update the program, then restore.`,
  ]);
}

async function refuseContent(database: Queryable): Promise<void> {
  const landed = await query<{ relation: string }>(
    database,
    sql`
      select format('landing.%I', relname) as relation
      from pg_class
      where relnamespace = 'landing'::regnamespace and relkind = 'r'`,
  );
  const relations = [
    ...landed.map(({ relation }) => relation),
    ...precious.map((name) => `elt.${name}`),
  ];
  const full: string[] = [];
  for (const relation of relations) {
    const [schema = "", name = ""] = relation.replaceAll('"', "").split(".");
    const rows = await query(database, sql`select from ${sql.ident(schema, name)} limit 1`);
    if (rows.length > 0) full.push(relation);
  }
  if (full.length === 0) return;
  throw new ConfigError([
    `This database is not empty (${full.slice(0, 5).join(", ")}${full.length > 5 ? "…" : ""} hold rows), and a restore never writes over what is there: name an empty database in DATABASE_URL.`,
  ]);
}

/** What a migration or an earlier command left in an empty database gives way to the backup. */
async function makeRoom(client: PoolClient, { tables }: Manifest): Promise<void> {
  for (const table of [...engineTables].reverse()) {
    await execute(client, sql`delete from elt.${sql.ident(table)}`);
  }
  await execute(client, sql`delete from elt.built_loads`);
  for (const { schema, relation, columns } of tables) {
    if (schema === "landing") await execute(client, sql`select landing.create_object(${relation})`);
    if (schema !== "seeds") continue;
    const list = columns.map(({ name, type }) => `"${name}" ${type}`).join(", ");
    await client.query(`create table if not exists seeds."${relation}" (${list})`);
    await client.query(`delete from seeds."${relation}"`);
  }
}

/** A backup of before may lack columns, which get their defaults; it has none that are not there. */
async function refuseColumns(client: PoolClient, { tables }: Manifest): Promise<void> {
  const here = new Map(
    (await tablesToCopy(client)).map(({ schema, relation, columns }) => [
      `${schema}.${relation}`,
      new Set(columns.map(({ name }) => name)),
    ]),
  );
  const unknown = tables.flatMap(({ schema, relation, columns }) => {
    const known = here.get(`${schema}.${relation}`);
    return columns
      .filter(({ name }) => known?.has(name) !== true)
      .map(({ name }) => `${schema}.${relation}.${name}`);
  });
  if (unknown.length === 0) return;
  throw new ConfigError([
    `This version of the program has no place for ${unknown.join(", ")} of the backup: restore it with the version that made it.`,
  ]);
}

async function analyze(client: PoolClient, { tables }: Manifest): Promise<void> {
  for (const { schema, relation } of tables) {
    await execute(client, sql`analyze ${sql.ident(schema, relation)}`);
  }
}

function changedMeanwhile(file: string, folder: string): ConfigError {
  return new ConfigError([
    `${file} is not what was checked a moment ago: somebody or something writes into ${folder}. Nothing was restored; take another copy of this backup.`,
  ]);
}

async function readTable(client: PoolClient, folder: string, table: BackedUpTable): Promise<void> {
  const { schema, relation, file, rows, sha256 } = table;
  const into = client.query(
    copyFrom(`copy "${schema}"."${relation}" (${columnList(table)}) from stdin`),
  );
  const digest = createHash("sha256");
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      digest.update(chunk);
      done(undefined, chunk);
    },
  });
  try {
    await pipeline(createReadStream(path.join(folder, file)), measure, createGunzip(), into);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (/^(Z_|ENOENT|EIO|ESTALE)/.test(code)) throw changedMeanwhile(file, folder);
    throw error;
  }
  // What was checked before is a name; these are the bytes that were loaded.
  if (digest.digest("hex") !== sha256) throw changedMeanwhile(file, folder);
  if (into.rowCount === rows) return;
  throw new ConfigError([
    `${file} brought ${into.rowCount} rows where the manifest counts ${rows}: the manifest is damaged, and nothing was restored.`,
  ]);
}

/**
 * What was under way when the backup was made, itself among them, has ended: the next extraction begins
 * such a reading anew, and no build waits for the end of its load.
 */
async function closeRuns(client: PoolClient): Promise<void> {
  await execute(
    client,
    sql`
      update elt.loads
      set
        verdict = 'failed', finished_at = started_at,
        error = 'was under way when the backup was made'
      where verdict = 'running'`,
  );
  await execute(
    client,
    sql`
      update elt.runs
      set finished_at = started_at, error = 'was under way when the backup was made'
      where finished_at is null`,
  );
}

/** Numbers go on after the last one that was given, also those of tables that are not in the backup. */
async function moveSequences(client: PoolClient, { sequences }: Manifest): Promise<void> {
  await execute(
    client,
    sql`
      select setval(format('elt.%I', sequencename), greatest(given.last::bigint, last_value, 1))
      from unnest(
        ${Object.keys(sequences)}::text[], ${Object.values(sequences)}::text[]
      ) as given (name, last)
      inner join pg_sequences on schemaname = 'elt' and sequencename = given.name`,
  );
}
