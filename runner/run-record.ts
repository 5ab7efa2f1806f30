import { hostname } from "node:os";
import type { Pool } from "pg";
import { connect } from "../extract/connection.ts";
import { execute, type Queryable, query, type SQLQuery, sql } from "../extract/query.ts";
import { exitCodes } from "./command.ts";
import { explainReadOnly } from "./database-failure.ts";

/** A run to record; `options` are those of its command, as it was called. */
export type StartedRun = {
  readonly command: string;
  readonly conta: string | null;
  readonly options?: Readonly<Record<string, unknown>>;
};

/** Opens a run in `elt.runs` and gives its number. */
export async function startRun(database: Queryable, run: StartedRun): Promise<bigint> {
  const [row] = await query<{ run_id: string }>(
    database,
    sql`
      insert into elt.runs (command, conta, pid, host, options)
      values (
        ${run.command}, ${run.conta}, ${process.pid}, ${hostname()},
        ${JSON.stringify(run.options ?? {})}::jsonb
      )
      returning run_id::text`,
  );
  return BigInt(row?.run_id ?? 0);
}

/** A run under way. */
export type OpenRun = {
  readonly runId: bigint;
  /** To be called when it is over, whatever its end. */
  readonly letGo: () => void;
};

/**
 * Opens a run that shows as long as it goes on that it does: a connection of its own holds a lock
 * named after it, which ends with the process however that ends. Before, it writes down the ends of
 * runs that could not do it themselves.
 * @throws ConfigError when the database takes no changes
 */
export async function openRun(pool: Pool, run: StartedRun): Promise<OpenRun> {
  const { client, release } = await connect(pool);
  try {
    await recordLostEnds(pool);
    await closeDeadRuns(pool);
    // In one transaction: nobody sees it before it holds its lock.
    await client.query("begin");
    const runId = await startRun(client, run);
    await execute(client, sql`select pg_advisory_lock(${lockKey(sql`${runId}::bigint`)})`);
    await client.query("commit");
    return { runId, letGo: () => release({ close: true }) };
  } catch (error) {
    release({ close: true });
    throw explainReadOnly(error);
  }
}

/** Whether the process of a run goes on with it, as a condition on its number. */
export function isUnderWay(runId: SQLQuery): SQLQuery {
  return sql`
    exists (
      select
      from pg_locks
      where locktype = 'advisory' and granted and objsubid = 1
        and database = (select oid from pg_database where datname = current_database())
        and (classid::bigint << 32) + objid::bigint = ${lockKey(runId)}
    )`;
}

function lockKey(runId: SQLQuery): SQLQuery {
  return sql`hashtextextended('run ' || ${runId}, 0)`;
}

/** How a run ended; `error` is the sentence that a person saw. */
export type RunOutcome = { readonly exitCode: number; readonly error: string | null };

/** Ends that a database did not take, since it was what the run had lost. */
const lostEnds = new WeakMap<Pool, Map<bigint, RunOutcome>>();

/** Writes down how a run ended; later, when the database does not take it now. Never throws. */
export async function finishRunSoon(pool: Pool, runId: bigint, outcome: RunOutcome): Promise<void> {
  try {
    await finishRun(pool, runId, outcome);
  } catch {
    const lost = lostEnds.get(pool) ?? new Map<bigint, RunOutcome>();
    lostEnds.set(pool, lost.set(runId, outcome));
  }
}

async function recordLostEnds(pool: Pool): Promise<void> {
  const lost = lostEnds.get(pool);
  if (lost === undefined) return;
  for (const [runId, outcome] of lost) {
    await finishRun(pool, runId, outcome);
    lost.delete(runId);
  }
}

/** Ends runs whose process is gone, or has lost its database, with the last that is known of them. */
async function closeDeadRuns(database: Queryable): Promise<void> {
  await execute(
    database,
    sql`
      update elt.runs
      set
        finished_at = greatest(
          started_at,
          (select max(coalesce(finished_at, started_at)) from elt.loads where loads.run_id = runs.run_id),
          (select max(published_at) from elt.publications where publications.run_id = runs.run_id)
        ),
        exit_code = ${exitCodes.infrastructure},
        error = 'The process was killed, or lost its database: nobody wrote down how it ended.'
      where finished_at is null and not ${isUnderWay(sql`runs.run_id`)}`,
  );
}

/** Writes down how a run ended. */
export async function finishRun(
  database: Queryable,
  runId: bigint,
  outcome: RunOutcome,
): Promise<void> {
  await execute(
    database,
    sql`
      update elt.runs
      set finished_at = now(), exit_code = ${outcome.exitCode}, error = ${outcome.error}
      where run_id = ${runId}`,
  );
}
