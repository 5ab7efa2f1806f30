import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import { extractionLock } from "../../extract/extract.ts";
import { query, sql } from "../../extract/query.ts";
import type { DatabaseAlert } from "../alerts/database-alert.ts";
import { raiseAlerts } from "../alerts/raise-alerts.ts";
import { type Command, exitCodes, type Invocation, interruptedExitCode } from "../command.ts";
import { readScheduleConfig } from "../config.ts";
import { ConfigError, collectProblems } from "../errors.ts";
import { failureOf } from "../failure.ts";
import { type RunSettings, readRunSettings, runOnce } from "../run-once.ts";
import { lockHolderOf } from "../session.ts";
import { answers, withWatchedDatabase } from "../with-watched-database.ts";
import { runWorker, type TurnResult, type Work } from "../worker/run-worker.ts";
import type { Schedule } from "../worker/schedule.ts";

export const command: Command = {
  help: `Usage: elt worker

Runs elt run for CVCRM_ACCOUNT at once, and then at every turn of SYNC_CRON (default: every four hours)
between the hours of SYNC_HOURS (default 6-22), by the clock of Brasília. Several accounts are several
workers, each with its own environment.

  One run at a time: while another process extracts the account, it looks again every five minutes;
  where that was a whole run, the turn has nothing left to do.
  Turns missed while the machine slept or was off are made up for by one run.
  A database that goes away later is waited for; at the start its absence is exit 2, but where nothing
  can be remembered (a container's read-only disk) it is waited for, too, and told once.
  SIGTERM (or Ctrl-C) ends it within seconds: the pages in hand are landed, exit 143 (130).
  Even kill -9 loses nothing: the next start goes on at the row where the last one stopped.

While it waits it holds no connection and looks every five minutes whether data are out of date, and
whether the daily summary is due. Whom it tells: see the block "Alerts" of .env.example, and elt alert.
A cron job that calls elt run does the same, but for alerts between the runs.`,
  run,
};

/** Of the five seconds that a signal leaves, for the pages in hand. */
const PAGE_GRACE_MS = 4_000;
/** A database that is restarted is no news. */
const DATABASE_PATIENCE_MS = 10 * 60_000;

async function run(invocation: Invocation): Promise<number> {
  const problems: string[] = [];
  const schedule = collectProblems(problems, () => readScheduleConfig(invocation.env));
  const settings = readRunSettings(invocation, new Date(), problems);
  if (schedule === undefined) throw new ConfigError(problems);
  return withWatchedDatabase(invocation, "worker", settings, async ({ pool }, databaseAlert) => {
    await runWorker(workOf(invocation, pool, { settings, schedule, databaseAlert }));
    return interruptedExitCode(invocation.signal);
  });
}

/** What a worker is made of. */
export type WorkerParts = {
  readonly settings: RunSettings;
  readonly schedule: Schedule;
  readonly databaseAlert: DatabaseAlert;
};

/**
 * The worker's work on a database.
 * @param clock the machine's, unless a test has one of its own
 */
export function workOf(
  invocation: Invocation,
  pool: Pool,
  { settings, schedule, databaseAlert }: WorkerParts,
  clock: Pick<Work, "now" | "sleep"> = machineClock(invocation.signal),
): Work {
  const { reporter, signal } = invocation;
  const { now, sleep } = clock;
  const { conta } = settings.extraction.source;
  const emit = reporter.event;
  const alerting = { pool, settings: settings.alerts, conta, emit, now };
  const turn = createTurn(invocation, pool, settings, now);
  return {
    conta,
    schedule,
    now,
    sleep,
    emit,
    signal,
    turn,
    report: (error) => {
      const { exitCode, message } = failureOf(error);
      reporter.failure(message, exitCode);
      reporter.nameRun(null);
    },
    idle: () => raiseAlerts(alerting, { type: "idle" }),
    isFirst: () => isFirst(pool, conta),
    hasRunSince: (since) => hasRunSince(pool, conta, since),
    isDatabaseThere: async () => {
      const isThere = await answers(pool);
      await (isThere ? databaseAlert.back() : databaseAlert.away(DATABASE_PATIENCE_MS));
      return isThere;
    },
  };
}

/** One run whose failures are results; a signal lets it land its pages before it is given up. */
function createTurn(
  invocation: Invocation,
  pool: Pool,
  settings: RunSettings,
  now: () => Date,
): () => Promise<TurnResult> {
  let recordInterruption: (exitCode: number) => Promise<void> = async () => undefined;
  let underWay: Promise<unknown> = Promise.resolve();
  invocation.onInterrupt(async (exitCode) => {
    const gaveUp = Symbol();
    const grace = delay(PAGE_GRACE_MS, gaveUp, { ref: false });
    const end = await Promise.race([underWay, grace]);
    if (end === gaveUp) await recordInterruption(exitCode);
  });
  const turnInvocation: Invocation = {
    ...invocation,
    onInterrupt: (work) => {
      recordInterruption = work;
    },
  };
  const turn = async (): Promise<TurnResult> => {
    try {
      const { conta } = settings.extraction.source;
      const holder = await lockHolderOf(pool, extractionLock(conta));
      if (holder !== undefined) return { status: "held-up", holder };
      await runOnce(turnInvocation, pool, settings, now);
      return { status: "done" };
    } catch (error) {
      if (invocation.signal.aborted) return { status: "done" };
      const { exitCode, message } = failureOf(error);
      if (exitCode === exitCodes.configuration) return { status: "hopeless", error };
      if (exitCode === exitCodes.infrastructure) return { status: "database-lost", error };
      // Somebody was quicker: what is said is who.
      if (exitCode === exitCodes.locked) return { status: "held-up", holder: message };
      return { status: "failed", error };
    }
  };
  return () => {
    const begun = turn();
    underWay = begun;
    return begun;
  };
}

async function isFirst(pool: Pool, conta: string): Promise<boolean> {
  const runs = await query(
    pool,
    sql`select from elt.loads where conta = ${conta} and verdict = 'proven' limit 1`,
  );
  return runs.length === 0;
}

/** What cannot be looked up has not happened: the turn is tried. */
async function hasRunSince(pool: Pool, conta: string, since: Date): Promise<boolean> {
  const runs = await query(
    pool,
    sql`
      select from elt.runs
      where command = 'run' and conta = ${conta} and started_at >= ${since}::timestamptz
        and exit_code in (${exitCodes.done}, ${exitCodes.sourceFailed})
      limit 1`,
  ).catch(() => []);
  return runs.length > 0;
}

function machineClock(signal: AbortSignal): Pick<Work, "now" | "sleep"> {
  return {
    now: () => new Date(),
    sleep: (ms) => delay(ms, undefined, { signal }).catch(() => undefined),
  };
}
