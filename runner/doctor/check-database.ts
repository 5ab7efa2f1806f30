import type { Pool } from "pg";
import { query, sql } from "../../extract/query.ts";
import type { DatabaseTls } from "../database-address.ts";
import { writableFix } from "../database-failure.ts";
import { isLoopback } from "../loopback.ts";
import { pendingMigrations } from "../migrate.ts";
import { compareClocks } from "./check-clock.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

type Server = {
  readonly version: string;
  readonly major: number;
  readonly database: string;
  readonly size: string;
  readonly at: Date;
  readonly read_only: boolean;
  readonly knows_brasilia: boolean;
  readonly languages: string[];
  readonly extensions: string[];
  readonly free_connections: number;
  readonly encrypted: boolean | null;
  readonly tls_version: string | null;
};

/** Newer ones are not tried out yet. */
const NEWEST_MAJOR = 18;
/** A run, a server and a person beside. */
const CONNECTIONS_NEEDED = 20;

/** Looks at the server and its settings, as this user finds them. */
export async function checkServer(
  pool: Pool,
  now: () => Date,
  tls: DatabaseTls | undefined,
  host: string,
): Promise<readonly Finding[]> {
  const server = await readServer(pool);
  return [
    checkVersion(server),
    compareClocks("database clock", { here: now(), there: server.at }),
    checkTls(server, tls, host),
    checkContents(server),
    ok("size", `Database "${server.database}" takes ${server.size}.`),
    checkConnections(server),
    await checkMigrations(pool),
  ];
}

async function readServer(pool: Pool): Promise<Server> {
  const [server] = await query<Server>(
    pool,
    sql`
      select
        current_setting('server_version') as version,
        current_setting('server_version_num')::int / 10000 as major,
        current_database() as database,
        pg_size_pretty(pg_database_size(current_database())) as size,
        clock_timestamp() as at,
        pg_is_in_recovery() or current_setting('transaction_read_only')::boolean as read_only,
        exists (select from pg_timezone_names where name = 'America/Sao_Paulo')
          as knows_brasilia,
        array(select lanname::text from pg_language) as languages,
        array(select extname::text from pg_extension order by extname) as extensions,
        current_setting('max_connections')::int
          - current_setting('superuser_reserved_connections')::int
          - (select count(*)::int from pg_stat_activity where backend_type = 'client backend')
          as free_connections,
        ssl.ssl as encrypted,
        ssl.version as tls_version
      from (values (pg_backend_pid())) as own (pid)
      left join pg_stat_ssl as ssl using (pid)`,
  );
  if (server === undefined) throw new Error("The server said nothing of itself.");
  return server;
}

function checkVersion({ version, major, read_only, knows_brasilia }: Server): Finding {
  const check = "server";
  if (read_only) {
    return fail(
      check,
      "It only reads: it is a replica, or default_transaction_read_only is on.",
      `${writableFix.charAt(0).toUpperCase()}${writableFix.slice(1)}`,
    );
  }
  if (!knows_brasilia) {
    return fail(
      check,
      "It does not know the zone America/Sao_Paulo.",
      "Install the system's time zones (package tzdata) and restart it.",
    );
  }
  const text = `PostgreSQL ${version}.`;
  return major > NEWEST_MAJOR
    ? warn(check, text, `This program is tried out on 14 to ${NEWEST_MAJOR}: look for a newer one.`)
    : ok(check, text);
}

function checkTls(
  { encrypted, tls_version }: Server,
  tls: DatabaseTls | undefined,
  host: string,
): Finding {
  const check = "encryption";
  const isNear = host === "" || isLoopback(host);
  if (tls === undefined || (tls.mode === "disable" && isNear)) {
    return ok(check, "None is needed: the database is on this machine.");
  }
  if (tls.mode === "disable") {
    return isPrivate(host)
      ? ok(check, `None; ${host} is in a private network.`)
      : warn(
          check,
          `The connection to ${host} is not encrypted: passwords and data can be read on the way.`,
          "Add sslmode=require to DATABASE_URL, or sslmode=verify-full with DATABASE_CA.",
        );
  }
  // Behind a proxy the server tells of the proxy's connection; this one is encrypted, or there were none.
  const how = encrypted === true ? (tls_version ?? "TLS") : "TLS";
  if (tls.mode !== "require") {
    const what = tls.mode === "verify-full" ? "certificate and host name" : "certificate";
    return ok(check, `${how}, ${what} checked.`);
  }
  return isPrivate(host) || isNear
    ? ok(check, `${how}; nobody checks the certificate (sslmode=require).`)
    : warn(
        check,
        `${how}, but nobody checks the certificate (sslmode=require): another server could answer.`,
        "Use sslmode=verify-full, with the authority's certificate in DATABASE_CA when it is no public one.",
      );
}

/** Names that only a private network knows, and addresses that no router passes on. */
function isPrivate(host: string): boolean {
  return (
    !/[.:]/.test(host) ||
    /\.(internal|local|lan)$/.test(host) ||
    /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[?f[cd])/.test(host)
  );
}

function checkContents({ languages, extensions }: Server): Finding {
  return languages.includes("plpgsql")
    ? ok("extensions", `None beside plpgsql is needed; installed: ${extensions.join(", ")}.`)
    : fail(
        "extensions",
        "The language plpgsql is missing.",
        "Let an administrator run: create extension plpgsql;",
      );
}

function checkConnections({ free_connections }: Server): Finding {
  const check = "connections";
  const text = `${free_connections} are free.`;
  return free_connections < CONNECTIONS_NEEDED
    ? warn(
        check,
        text,
        `A run takes up to 14: close others, or raise max_connections, until ${CONNECTIONS_NEEDED} are free.`,
      )
    : ok(check, text);
}

async function checkMigrations(pool: Pool): Promise<Finding> {
  const pending = await pendingMigrations(pool);
  return pending.length === 0
    ? ok("migrations", "The database's own schemas are of this version.")
    : warn(
        "migrations",
        `${pending.length} are missing, from ${pending[0]} on.`,
        "npm run elt -- migrate; the next run does it, too.",
      );
}
