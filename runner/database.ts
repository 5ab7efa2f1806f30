import pg from "pg";
import { query, sql } from "../extract/query.ts";
import type { DatabaseConfig } from "./config.ts";
import type { DatabaseTls } from "./database-address.ts";
import { ConfigError } from "./errors.ts";
import { migrate } from "./migrate.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./postgres/embedded.ts";

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
  /** Gets a sentence when something slow or unusual happens. */
  readonly log?: (sentence: string) => void;
};

/** An extraction holds nine: its lock, and one for each object that it reads side by side. */
const MAX_CONNECTIONS = 14;
const oldestMajor = 14;
const connectTimeoutMs = 10_000;

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
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    ssl: config.kind === "server" ? tlsOptions(config.tls) : false,
  });
  // An idle connection that the server closes is replaced by the pool; a busy one fails its query.
  pool.on("error", () => {});
  const close = async () => {
    await pool.end();
    await embedded?.stop();
  };
  try {
    await checkServer(pool, url);
    await migrate(pool).catch((error: unknown) => {
      throw explainMigration(error, url);
    });
  } catch (error) {
    await close();
    throw error;
  }
  return { pool, url, ...(embedded === undefined ? {} : { embedded }), close };
}

function tlsOptions(tls: DatabaseTls): pg.PoolConfig["ssl"] {
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
      `The database at ${place(url)} is PostgreSQL ${major}: this program needs ${oldestMajor} or newer.`,
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
  const { database } = parts(url);
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

/** Turns a failed first connection into a sentence; what it does not know stays as it is. */
function explainConnection(error: unknown, url: string): unknown {
  if (!(error instanceof Error)) return error;
  const code = "code" in error ? String(error.code) : "";
  const where = place(url);
  const { user, database } = parts(url);
  const problem = (sentence: string) => new ConfigError([sentence], { cause: error });
  if (error.message.includes("timeout")) {
    return problem(
      `No PostgreSQL answered at ${where} within ${connectTimeoutMs / 1000} seconds: check DATABASE_URL, the network and the firewall.`,
    );
  }
  if (/Connection terminated/.test(error.message)) {
    return problem(
      `${where} closed the connection before it answered: check DATABASE_URL, and that a PostgreSQL listens there.`,
    );
  }
  if (error.message.includes("does not support SSL")) {
    return problem(
      `The server at ${where} offers no TLS: enable it there, or use sslmode=disable where the network is private.`,
    );
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/.test(code)) {
    return problem(
      `The TLS certificate of ${where} was refused (${error.message}): set DATABASE_CA to its authority's certificate, or use sslmode=require to encrypt without a check.`,
    );
  }
  switch (code) {
    case "ECONNREFUSED":
    case "ECONNRESET":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ENOENT":
      return problem(
        `No PostgreSQL answers at ${where}: check that it runs, and DATABASE_URL. Without DATABASE_URL the program brings its own.`,
      );
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return problem(
        `The host of ${where} has no address: check the host name in DATABASE_URL and the network.`,
      );
    case "28P01":
      return problem(
        `The server at ${where} refused the password of user "${user}": correct DATABASE_URL.`,
      );
    case "28000":
      return problem(
        `The server at ${where} does not let user "${user}" in (${error.message}): correct DATABASE_URL, or its pg_hba.conf.`,
      );
    case "3D000":
      return problem(
        `The server at ${where} has no database "${database}": create it (create database "${database}"), or correct DATABASE_URL.`,
      );
    case "42501":
      return problem(
        `User "${user}" may not connect to database "${database}" at ${where}: grant connect on database.`,
      );
    case "53300":
      return problem(
        `The server at ${where} has no free connection: close others, or raise max_connections.`,
      );
    case "57P03":
      return problem(
        `The server at ${where} is starting up or shutting down: try again in a moment.`,
      );
    default:
      return error;
  }
}

function explainMigration(error: unknown, url: string): unknown {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (!(cause instanceof pg.DatabaseError) || cause.code !== "42501") return error;
  const { user, database } = parts(url);
  return new ConfigError(
    [
      `User "${user}" lacks a right to prepare database "${database}" (${cause.message}): make it the owner, or grant create on database "${database}".`,
    ],
    { cause },
  );
}

function place(url: string): string {
  const { hostname, port, searchParams } = new URL(url);
  return hostname === ""
    ? (searchParams.get("host") ?? "localhost")
    : `${hostname}:${port || 5432}`;
}

function parts(url: string): { user: string; database: string } {
  const { username, pathname } = new URL(url);
  return { user: decodeURIComponent(username), database: decodeURIComponent(pathname.slice(1)) };
}
