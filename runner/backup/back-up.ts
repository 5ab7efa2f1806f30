import { createHash, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, open, readdir, rename, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { PassThrough, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Pool, PoolClient } from "pg";
import { to as copyTo } from "pg-copy-streams";
import { connect } from "../../extract/connection.ts";
import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import { ConfigError } from "../errors.ts";
import { explainDisk } from "./disk-failure.ts";
import {
  type BackedUpTable,
  FORMAT,
  MANIFEST,
  type Manifest,
  manifestText,
  UNFINISHED,
} from "./manifest.ts";
import { columnList, type TableToCopy, tablesToCopy } from "./tables.ts";

/** Backups hold clear personal data: only their owner reads them. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** Held while a backup is made. */
export const BACKUP_LOCK = "backup";
/** Payloads shrink ten times at the fastest level already. */
const GZIP_LEVEL = 1;

/**
 * Writes landing, mappings and the engine's memory into a folder, all as one snapshot shows them: one
 * file per table, and last, at once, the manifest that makes a backup of it. Memory stays flat.
 * @param told called before each table
 * @throws ConfigError when the folder cannot be used, InfrastructureError when the disk is full
 */
export async function backUp(
  pool: Pool,
  folder: string,
  told: (table: string) => void,
): Promise<Manifest> {
  const backupId = randomUUID();
  await openFolder(folder, backupId);
  const { client, release } = await connect(pool);
  let manifest: Manifest;
  try {
    await client.query("begin isolation level repeatable read read only");
    // 03/04/2026 is another day in another database; this way of writing it is every database's.
    await client.query("set local datestyle = 'ISO, YMD'");
    manifest = await explainDisk(folder, () => writeTables(client, folder, backupId, told));
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  } finally {
    release({ close: true });
  }
  await explainDisk(folder, () => finish(folder, manifest));
  await rememberBackup(pool, path.resolve(folder), manifest);
  return manifest;
}

async function openFolder(folder: string, backupId: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    const there = await readdir(folder);
    if (there.includes(MANIFEST)) {
      throw new ConfigError([
        `${folder} already holds a backup: name a new folder for each, e.g. backups/2026-01-31.`,
      ]);
    }
    if (there.includes(UNFINISHED)) {
      throw new ConfigError([
        `${folder} holds a backup that was not finished: delete it, or name another folder.`,
      ]);
    }
    if (there.length > 0) {
      throw new ConfigError([`${folder} is not empty: name a folder that holds nothing else.`]);
    }
    const note = { status: "incomplete", backupId, process: process.pid, host: hostname() };
    await writeFile(path.join(folder, UNFINISHED), `${JSON.stringify(note)}\n`, {
      mode: FILE_MODE,
      flag: "wx",
    });
  } catch (error) {
    if (error instanceof ConfigError || !(error instanceof Error)) throw error;
    throw new ConfigError([
      `The folder ${folder} cannot be written to (${error.message}): name another, or give this user the right.`,
    ]);
  }
}

async function writeTables(
  client: PoolClient,
  folder: string,
  backupId: string,
  told: (table: string) => void,
): Promise<Manifest> {
  const [snapshot] = await query<{
    at: Date;
    postgres: string;
    migrations: string[];
    accounts: string[] | null;
    sequences: Record<string, string> | null;
  }>(
    client,
    sql`
      select
        now() as at,
        current_setting('server_version') as postgres,
        (select array_agg(name order by name) from elt.migrations) as migrations,
        (select array_agg(distinct conta order by conta) from elt.loads) as accounts,
        (
          select json_object_agg(sequencename, last_value::text)
          from pg_sequences
          where schemaname = 'elt' and last_value is not null
        ) as sequences`,
  );
  if (snapshot === undefined) throw new Error("the database did not tell of its state");
  const tables: BackedUpTable[] = [];
  for (const table of await tablesToCopy(client)) {
    told(`${table.schema}.${table.relation}`);
    tables.push(await writeTable(client, folder, table));
  }
  return {
    format: FORMAT,
    backupId,
    createdAt: snapshot.at.toISOString(),
    postgres: snapshot.postgres,
    migrations: snapshot.migrations,
    accounts: snapshot.accounts ?? [],
    tables,
    sequences: snapshot.sequences ?? {},
  };
}

async function writeTable(
  client: PoolClient,
  folder: string,
  table: TableToCopy,
): Promise<BackedUpTable> {
  const { schema, relation } = table;
  const file = `${schema}.${relation}.copy.gz`;
  const rows = client.query(
    copyTo(`copy "${schema}"."${relation}" (${columnList(table)}) to stdout`),
  );
  const digest = createHash("sha256");
  let bytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      digest.update(chunk);
      bytes += chunk.length;
      done(undefined, chunk);
    },
  });
  await pipeline(
    rows,
    new PassThrough(),
    createGzip({ level: GZIP_LEVEL }),
    measure,
    createWriteStream(path.join(folder, file), { flags: "wx", mode: FILE_MODE, flush: true }),
  );
  return { ...table, file, rows: rows.rowCount, bytes, sha256: digest.digest("hex") };
}

/** The manifest takes its name only when everything it speaks of is on the disk. */
async function finish(folder: string, manifest: Manifest): Promise<void> {
  const unfinished = path.join(folder, UNFINISHED);
  await writeFile(unfinished, manifestText(manifest), {
    mode: FILE_MODE,
    flush: true,
  });
  await syncFolder(folder);
  await rename(unfinished, path.join(folder, MANIFEST));
  await syncFolder(folder);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a backup down: a receipt of somebody forgotten names those that hold them still. */
export async function rememberBackup(
  database: Queryable,
  folder: string,
  { tables, ...of }: Manifest,
): Promise<void> {
  const sum = (what: "rows" | "bytes") => tables.reduce((all, table) => all + table[what], 0);
  await execute(
    database,
    sql`
      insert into elt.backups (backup_id, created_at, folder, host, row_count, bytes)
      values (
        ${of.backupId}, ${of.createdAt}::timestamptz, ${folder}, ${hostname()}, ${sum("rows")},
        ${sum("bytes")}
      )
      on conflict (backup_id) do nothing`,
  );
}
