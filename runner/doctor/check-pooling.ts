import { randomBytes, randomInt } from "node:crypto";
import type { Pool, PoolClient } from "pg";
import { type Connection, connect } from "../../extract/connection.ts";
import { execute, query, sql } from "../../extract/query.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

/** What stops working when a connection is not one session of the database. */
const LOST =
  "locks (two runs at once would not see each other), LISTEN (dashboard and API would not hear of publications), settings and temporary tables";
const ANSWER_MS = 3_000;

/**
 * Whether a connection is one session of the database, as this program needs it, or a pooler hands
 * each transaction to another one, as PgBouncer in transaction mode, Neon's `-pooler` hosts and
 * port 6543 of Supabase do. Told by what happens: while one connection holds the session that the
 * other used last, the other must still have its own.
 * @param url of the database; only its host is told
 */
export async function checkPooling(pool: Pool, url: string): Promise<readonly Finding[]> {
  const first = await connect(pool);
  const second = await connect(pool);
  try {
    const before = await sessionOf(first.client);
    await execute(second.client, sql`begin`);
    await sessionOf(second.client);
    const after = await withinTime(sessionOf(first.client));
    if (after !== before) return [pooled(url, after === undefined)];
    await execute(second.client, sql`rollback`);
    return [await checkFeatures(first, second), sessionKind(first.client, before, url)];
  } finally {
    // Neither must give what it holds to the next user.
    for (const { release } of [first, second]) release({ close: true });
  }
}

async function sessionOf(client: PoolClient): Promise<number> {
  const [row] = await query<{ pid: number }>(client, sql`select pg_backend_pid() as pid`);
  return row?.pid ?? 0;
}

/** A pooler without a free session lets the question wait. */
async function withinTime(answer: Promise<number>): Promise<number | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ANSWER_MS, undefined);
  });
  try {
    return await Promise.race([answer, tooLate]);
  } finally {
    clearTimeout(timer);
    answer.catch(() => undefined);
  }
}

function pooled(url: string, isFull: boolean): Finding {
  const how = isFull
    ? "A pooler stands before the database and has no session for a second connection."
    : "A pooler stands before the database and gives each transaction another session.";
  return fail("sessions", `${how} What will not work: ${LOST}.`, directAddress(url));
}

/** Where the same database is reached without its pooler. */
export function directAddress(url: string): string {
  const { hostname, port } = new URL(url);
  const neon = hostname.replace(/^([^.]+)-pooler\./, "$1.");
  if (neon !== hostname) return `Use Neon's direct address in DATABASE_URL: host ${neon}.`;
  if (/\.pooler\.supabase\.com$/.test(hostname) && port === "6543") {
    return "Use Supabase's session pooler in DATABASE_URL, port 5432 of the same host, or its direct address.";
  }
  return "Use the database's own address in DATABASE_URL (PostgreSQL's port is usually 5432), or a pool with pool_mode = session.";
}

/** A pooler may keep sessions apart and still not pass everything on. */
async function checkFeatures(first: Connection, second: Connection): Promise<Finding> {
  const missing: string[] = [];
  const channel = `elt_doctor_${randomBytes(6).toString("hex")}`;
  const heard = new Promise<number>((resolve) => {
    first.client.on("notification", (message) => {
      if (message.channel === channel) resolve(1);
    });
  });
  await execute(first.client, sql`listen ${sql.ident(channel)}`);
  await execute(second.client, sql`select pg_notify(${channel}, '')`);
  if ((await withinTime(heard)) === undefined) missing.push("LISTEN");
  const key = randomInt(2 ** 40);
  await execute(first.client, sql`select pg_advisory_lock(${key}::bigint)`);
  const [lock] = await query<{ taken: boolean }>(
    second.client,
    sql`select pg_try_advisory_lock(${key}::bigint) as taken`,
  );
  if (lock?.taken !== false) missing.push("advisory locks");
  await execute(first.client, sql`create temporary table elt_doctor (id integer)`);
  const rows = await query(first.client, sql`select to_regclass('pg_temp.elt_doctor') as found`);
  if (rows[0]?.found === null) missing.push("temporary tables");
  return missing.length === 0
    ? ok("session features", "LISTEN, advisory locks and temporary tables work.")
    : fail(
        "session features",
        `These do not work through this connection: ${missing.join(", ")}.`,
        "Use the database's own address in DATABASE_URL.",
      );
}

/** PostgreSQL tells a connection its process at the start; a proxy that stands between makes it up. */
function sessionKind(client: PoolClient, pid: number, url: string): Finding {
  const told = "processID" in client ? client.processID : pid;
  if (/-pooler\./.test(new URL(url).hostname)) {
    return warn("sessions", "The host is a pooler's by its name.", directAddress(url));
  }
  return told === pid
    ? ok("sessions", "Each connection is a session of the database.")
    : ok("sessions", "A proxy stands before the database and keeps each connection's session.");
}
