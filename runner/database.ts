import pg from "pg";
import { query, sql } from "../extract/query.ts";
import type { DatabaseConfig } from "./config.ts";
import type { DatabaseTls } from "./database-address.ts";
import {
  CONNECT_TIMEOUT_MS,
  databaseNames,
  databasePlace,
  explainConnection,
  explainMigration,
} from "./database-failure.ts";
import { ConfigError } from "./errors.ts";
import { migrate, refuseNewer } from "./migrate.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./postgres/embedded.ts";
import { applySessionSettings } from "./session-settings.ts";

/** An open, migrated database. */
export type Database = {
  readonly pool: pg.Pool;
  /** Connection string with the password: for other programs, never for a log. */
  readonly url: string;
  /** Present when this program started its own PostgreSQL. */
  readonly embedded?: EmbeddedPostgres;
  /** Closes the connections and lets go of the embedded PostgreSQL. */
  close(): Promise<void>;
};

export type DatabaseOptions = {
  /** Shown in `pg_stat_activity`. */
  readonly applicationName?: string;
  readonly maxConnections?: number;
  /** `left`: migrations that are missing stay so; one that is unknown is refused all the same. */
  readonly migrations?: "applied" | "left";
  /** Gets a sentence when something slow or unusual happens. */
  readonly log?: (sentence: string) => void;
};

/** An extraction holds nine: its lock, and one for each object that it reads side by side. */
const MAX_CONNECTIONS = 14;
const oldestMajor = 14;

/**
 * Connects to the database, starting the embedded one when the configuration says so, and applies
 * the migrations. Throws ConfigError when it cannot be reached or used.
 */
export async function openDatabase(
  config: DatabaseConfig,
  options: DatabaseOptions = {},
): Promise<Database> {
  const embedded =
    config.kind === "embedded"
      ? await startEmbeddedPostgres({ dataDir: config.dataDir, log: options.log })
      : undefined;
  const url = config.kind === "server" ? config.url : (embedded?.url ?? "");
  const pool = new pg.Pool({
    connectionString: url,
    application_name: options.applicationName ?? "cvdw-elt",
    max: options.maxConnections ?? MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    ssl: config.kind === "server" ? tlsOptions(config.tls) : false,
    onConnect: applySessionSettings,
  });
  // An idle connection that the server closes is replaced by the pool; a busy one fails its query.
  pool.on("error", () => {});
  const close = async () => {
    await pool.end();
    await embedded?.stop();
  };
  try {
    await checkServer(pool, url);
    if (options.migrations !== "left") await migrateOrExplain(pool, url);
    else await refuseNewer(pool);
  } catch (error) {
    await close();
    throw error;
  }
  return { pool, url, ...(embedded === undefined ? {} : { embedded }), close };
}

/** Migrates; a right that is missing becomes a sentence. Throws ConfigError. */
export async function migrateOrExplain(pool: pg.Pool, url: string): Promise<readonly string[]> {
  return migrate(pool).catch((error: unknown) => {
    throw explainMigration(error, url);
  });
}

/** What the driver calls the TLS of an address. */
export function tlsOptions(tls: DatabaseTls): pg.PoolConfig["ssl"] {
  switch (tls.mode) {
    case "disable":
      return false;
    case "require":
      return { rejectUnauthorized: false };
    case "verify-ca":
      return { ...authority(tls.ca), checkServerIdentity: () => undefined };
    case "verify-full":
      return authority(tls.ca);
  }
}

function authority(ca: string | undefined): { ca?: string } {
  return ca === undefined ? {} : { ca };
}

async function checkServer(pool: pg.Pool, url: string): Promise<void> {
  let version: string;
  try {
    const [row] = await query<{ version: string }>(
      pool,
      sql`select current_setting('server_version_num') as version`,
    );
    version = row?.version ?? "0";
  } catch (error) {
    throw explainConnection(error, url);
  }
  const major = Math.floor(Number(version) / 10_000);
  if (major < oldestMajor) {
    throw new ConfigError([
      `The database at ${databasePlace(url)} is PostgreSQL ${major}: this program needs ${oldestMajor} or newer.`,
    ]);
  }
  await checkDatabase(pool, url);
}

/** The schemas that the first migration creates; somebody else's must not be built into. */
const ownSchemas = ["landing", "staging", "seeds", "marts", "marts_pii"];

async function checkDatabase(pool: pg.Pool, url: string): Promise<void> {
  const [row] = await query<{ encoding: string; foreign: string[] | null }>(
    pool,
    sql`
      select
        current_setting('server_encoding') as encoding,
        (
          select array_agg(nspname::text order by nspname)
          from pg_namespace
          where nspname = any (${ownSchemas}::text[]) and to_regclass('elt.migrations') is null
        ) as foreign`,
  );
  const { database } = databaseNames(url);
  if (row?.encoding !== "UTF8") {
    throw new ConfigError([
      `Database "${database}" has the encoding ${row?.encoding}: create one with encoding UTF8, which JSON needs.`,
    ]);
  }
  if (row.foreign !== null) {
    throw new ConfigError([
      `Database "${database}" already has a schema ${row.foreign.join(", ")} that is not this program's: use a database of its own.`,
    ]);
  }
}
