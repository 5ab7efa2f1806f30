import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Pool, PoolClient } from "pg";
import type { MigrationParams, UmzugStorage } from "umzug";
import { connect } from "../extract/connection.ts";
import { execute, type Queryable, query, sql } from "../extract/query.ts";
import { ConfigError } from "./errors.ts";

const directory = path.join(import.meta.dirname, "migrations");

/** Serialises migrations of one database; any constant that nothing else locks will do. */
const migrationLock = 7_345_901_226;

/**
 * Brings the engine's own schemas to this version's state and returns the names of the migrations
 * it applied. Each file runs in one transaction with its record in `elt.migrations`; processes that
 * start together wait for each other. Throws ConfigError when the database is newer than the code.
 */
export async function migrate(pool: Pool, from: string = directory): Promise<readonly string[]> {
  const files = readdirSync(from)
    .filter((name) => name.endsWith(".sql"))
    .sort();
  // A connection that is lost while nothing is asked of it must not end the process.
  const { client, release } = await connect(pool);
  try {
    if ((await pending(client, files)).length === 0) return [];
    await execute(client, sql`select pg_advisory_lock(${migrationLock})`);
    await createRecord(client);
    // Loaded only when there is something to apply: it takes longer than the rest of a command.
    const { Umzug } = await import("umzug");
    const umzug = new Umzug({
      migrations: files.map((name) => ({ name, path: path.join(from, name), up: applyFile })),
      context: client,
      storage: recordOf(client),
      logger: undefined,
    });
    // Read again: another process may have migrated while this one waited for the lock.
    await pending(client, files);
    const applied = await umzug.up();
    return applied.map((migration) => migration.name);
  } finally {
    await execute(client, sql`select pg_advisory_unlock_all()`).then(
      () => release(),
      () => release({ close: true }),
    );
  }
}

/** Migrations of this version that the database lacks: none, unless the program is newer than it. */
export async function pendingMigrations(database: Queryable): Promise<readonly string[]> {
  const applied = await executed(database);
  return readdirSync(directory).filter((name) => name.endsWith(".sql") && !applied.includes(name));
}

/** Throws ConfigError when the database is newer than the code. */
export async function refuseNewer(database: Queryable): Promise<void> {
  const names = readdirSync(directory).filter((name) => name.endsWith(".sql"));
  await pending(database, names);
}

async function pending(client: Queryable, files: readonly string[]): Promise<readonly string[]> {
  const applied = await executed(client);
  const unknown = applied.filter((name) => !files.includes(name));
  if (unknown.length > 0) {
    throw new ConfigError([
      `This database was migrated by a newer version of the program (it has ${unknown.join(", ")}): update the code, or use another database.`,
    ]);
  }
  return files.filter((name) => !applied.includes(name));
}

async function executed(client: Queryable): Promise<string[]> {
  const [found] = await query<{ exists: boolean }>(
    client,
    sql`select to_regclass('elt.migrations') is not null as exists`,
  );
  if (found?.exists !== true) return [];
  const rows = await query<{ name: string }>(
    client,
    sql`select name from elt.migrations order by name`,
  );
  return rows.map((row) => row.name);
}

async function createRecord(client: PoolClient): Promise<void> {
  await execute(client, sql`create schema if not exists elt`);
  await execute(
    client,
    sql`
      create table if not exists elt.migrations (
          name text primary key,
          applied_at timestamptz not null default now()
      )
    `,
  );
}

async function applyFile({ name, path: file, context }: MigrationParams<PoolClient>) {
  if (file === undefined) throw new Error(`Migration ${name} has no file.`);
  await execute(context, sql`begin`);
  try {
    await context.query(readFileSync(file, "utf8"));
    await execute(context, sql`insert into elt.migrations (name) values (${name})`);
    await execute(context, sql`commit`);
  } catch (error) {
    await execute(context, sql`rollback`);
    throw error;
  }
}

function recordOf(client: PoolClient): UmzugStorage<PoolClient> {
  return {
    executed: () => executed(client),
    // The migration's own transaction records it, so that neither can exist without the other.
    logMigration: async () => {},
    unlogMigration: async () => {
      throw new Error("Migrations only go forward.");
    },
  };
}
