import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import { query, sql } from "../extract/query.ts";
import { createDatabaseAlert, type DatabaseAlert } from "./alerts/database-alert.ts";
import { exitCodes, type Invocation } from "./command.ts";
import { alertsFolder } from "./config.ts";
import type { Database } from "./database.ts";
import { failureOf } from "./failure.ts";
import type { RunSettings } from "./run-once.ts";
import { withDatabase } from "./session.ts";

/** For tests: where it is remembered who was told, and how long is waited. */
type Watch = {
  readonly folder: string;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>;
};

const machine: Watch = {
  folder: alertsFolder,
  sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
};

const LOOK_MS = 30_000;

/**
 * Opens the configured database for as long as `work` takes. When it does not answer, whoever is to
 * be told of what goes wrong is told that, once until it does.
 *
 * A worker ends then, and whatever keeps it running starts it again. Where nothing can be written to
 * remember that somebody was told, as in a container, each start would tell it anew, twice a minute:
 * there a worker waits for the database instead.
 */
export async function withWatchedDatabase<T>(
  invocation: Invocation,
  command: "run" | "worker",
  settings: RunSettings,
  work: (database: Database, alert: DatabaseAlert) => Promise<T>,
  watch: Watch = machine,
): Promise<T> {
  const { alerts, extraction } = settings;
  const alert = createDatabaseAlert({
    settings: alerts,
    conta: extraction.source.conta,
    folder: watch.folder,
    emit: invocation.reporter.event,
    now: () => new Date(),
  });
  for (;;) {
    const end = await openOnce(invocation, command, alert, work);
    if (end.status === "done") return end.result;
    const { error } = end;
    if (end.status === "failed" || invocation.signal.aborted) throw error;
    const memory = await alert.away(0);
    if (command !== "worker" || memory === "kept" || !isAbsence(error)) throw error;
    const { message } = failureOf(error);
    invocation.reporter.event({
      type: "warning",
      message: `${message} The worker waits for it.`,
    });
    await watch.sleep(LOOK_MS, invocation.signal);
    if (invocation.signal.aborted) throw error;
  }
}

/** No password that is wrong, and no database that is not there: what time alone may bring back. */
function isAbsence(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return false;
  const code = "code" in cause ? String(cause.code) : "";
  return (
    /^(ECONN|EHOST|ENET|EAI_AGAIN|ENOTFOUND|ENOENT|57P03|53300)/.test(code) ||
    /timeout|Connection terminated/.test(cause.message)
  );
}

type End<T> =
  | { readonly status: "done"; readonly result: T }
  | { readonly status: "failed" | "away"; readonly error: unknown };

async function openOnce<T>(
  invocation: Invocation,
  command: string,
  alert: DatabaseAlert,
  work: (database: Database, alert: DatabaseAlert) => Promise<T>,
): Promise<End<T>> {
  let isThere = false;
  try {
    const result = await withDatabase(invocation, command, async (database) => {
      isThere = true;
      await alert.back();
      try {
        return await work(database, alert);
      } catch (error) {
        const { exitCode } = failureOf(error);
        if (exitCode === exitCodes.infrastructure) isThere = await answers(database.pool);
        throw error;
      }
    });
    return { status: "done", result };
  } catch (error) {
    return { status: isThere ? "failed" : "away", error };
  }
}

/** Whether a database answers. */
export async function answers(pool: Pool): Promise<boolean> {
  try {
    await query(pool, sql`select 1`);
    return true;
  } catch {
    return false;
  }
}
