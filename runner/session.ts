import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Pool, PoolClient } from "pg";
import { connect } from "../extract/connection.ts";
import { type LockHolder, lockHolder, tryLock } from "../extract/lock.ts";
import { execute, sql } from "../extract/query.ts";
import { brasiliaWallClock, formatWallClock } from "../extract/wall-clock.ts";
import type { Invocation } from "./command.ts";
import { readDatabaseConfig } from "./config.ts";
import { type Database, openDatabase } from "./database.ts";
import { LockError } from "./errors.ts";
import { failureOf } from "./failure.ts";
import { finishRun, finishRunSoon, openRun } from "./run-record.ts";

/** An open database and the number of the run that uses it. */
export type Session = { readonly pool: Pool; readonly runId: bigint };

/** How recorded work ended; `error` is the sentence that a person saw, when it did not all succeed. */
export type Outcome = { readonly exitCode: number; readonly error?: string | undefined };

/** Opens the configured database for as long as `work` takes. */
export async function withDatabase<T>(
  { env, reporter }: Invocation,
  command: string,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = await openDatabase(readDatabaseConfig(env), {
    applicationName: `elt ${command}`,
    log: reporter.sayPrivately,
  });
  try {
    return await work(database);
  } finally {
    await closeInTime(database);
  }
}

const CLOSE_GRACE_MS = 3_000;

/** Work that was cut off may hold a connection for good; the end of the program must not wait. */
export async function closeInTime(database: Pick<Database, "close">): Promise<void> {
  const giveUp = new AbortController();
  const { signal } = giveUp;
  const tooLate = delay(CLOSE_GRACE_MS, undefined, { signal }).catch(() => undefined);
  await Promise.race([database.close(), tooLate]);
  giveUp.abort();
}

/** Records `work` as a run in `elt.runs`, whatever its end: done, failed, or interrupted. */
export async function recorded(
  invocation: Invocation,
  pool: Pool,
  run: { readonly command: string; readonly conta: string | null },
  work: (session: Session) => Promise<Outcome>,
): Promise<number> {
  const { runId, letGo } = await openRun(pool, { ...run, options: invocation.options });
  invocation.onInterrupt((exitCode) => finishRun(pool, runId, { exitCode, error: "interrupted" }));
  invocation.reporter.nameRun(runId);
  try {
    const { exitCode, error } = await work({ pool, runId });
    await finishRun(pool, runId, { exitCode, error: error ?? null });
    // A failure is still to be told, as this run's.
    invocation.reporter.nameRun(null);
    return exitCode;
  } catch (error) {
    const { exitCode, message } = failureOf(error);
    // When the database is what was lost, the end is recorded when it is back; the error still counts.
    await finishRunSoon(pool, runId, { exitCode, error: message });
    throw error;
  } finally {
    letGo();
    invocation.onInterrupt(async () => undefined);
  }
}

const THIRTY_MINUTES_MS = 30 * 60 * 1000;

/**
 * Runs `work` while holding a lock of the database.
 * @throws LockError when somebody else holds it, at once or after waiting for half an hour
 */
export async function locked<T>(
  pool: Pool,
  lock: {
    readonly name: string;
    readonly subject: string;
    /** Called with the holder when the lock must be waited for; without it nobody waits. */
    readonly onWait?: (holder: string) => void;
  },
  work: () => Promise<T>,
): Promise<T> {
  const { client, lost, release } = await connect(pool);
  try {
    await introduce(client);
    await acquire(client, lock);
    // Without its lock the work must not go on: somebody else may hold it now.
    return await Promise.race([work(), lost]);
  } finally {
    // Ending the connection frees the lock, also when it was lost on the way.
    release({ close: true });
  }
}

/**
 * Who holds a lock now, as a person reads it; undefined when nobody does. It is not taken to find out:
 * whoever wanted it in that moment would be told that somebody else has it.
 */
export async function lockHolderOf(pool: Pool, name: string): Promise<string | undefined> {
  const holder = await lockHolder(pool, name);
  return holder === undefined ? undefined : describeHolder(holder);
}

/**
 * Whoever finds the lock held learns from the database who holds it: so the connection says which
 * process it belongs to. And a machine that vanishes without a word is given up within minutes,
 * not after the hours that TCP would wait.
 */
async function introduce(client: PoolClient): Promise<void> {
  await execute(
    client,
    sql`
      select
        set_config(
          'application_name',
          current_setting('application_name') || ${`, process ${process.pid} on ${hostname()}`},
          false
        ),
        set_config('tcp_keepalives_idle', '60', false),
        set_config('tcp_keepalives_interval', '20', false),
        set_config('tcp_keepalives_count', '3', false)`,
  );
}

async function acquire(
  client: PoolClient,
  lock: {
    readonly name: string;
    readonly subject: string;
    readonly onWait?: (holder: string) => void;
  },
): Promise<void> {
  const attempt = await tryLock(client, lock.name);
  if (attempt.status === "held") return;
  const { holder } = attempt;
  const who = holder === undefined ? "another run" : describeHolder(holder);
  if (lock.onWait === undefined) {
    throw new LockError(`${lock.subject} is already under way by ${who}. Wait for it to end.`);
  }
  lock.onWait(who);
  await execute(
    client,
    sql`select set_config('lock_timeout', ${String(THIRTY_MINUTES_MS)}, false)`,
  );
  try {
    await execute(client, sql`select pg_advisory_lock(hashtextextended(${lock.name}, 0))`);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "55P03") throw error;
    throw new LockError(`${lock.subject} was still under way by ${who} after 30 minutes.`);
  }
}

function describeHolder({ application, pid, since }: LockHolder): string {
  const time =
    since === null ? "" : `, since ${formatWallClock(brasiliaWallClock(since))} Brasília`;
  return `"${application}" (database process ${pid}${time})`;
}
