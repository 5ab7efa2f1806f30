import type { Pool } from "pg";
import { query, sql } from "../extract/query.ts";
import { createDatabaseAlert, type DatabaseAlert } from "./alerts/database-alert.ts";
import { exitCodes, type Invocation } from "./command.ts";
import { alertsFolder } from "./config.ts";
import type { Database } from "./database.ts";
import { failureOf } from "./failure.ts";
import type { RunSettings } from "./run-once.ts";
import { withDatabase } from "./session.ts";

/**
 * Opens the configured database for as long as `work` takes. When it does not answer, whoever is to
 * be told of what goes wrong is told that, once until it does.
 */
export async function withWatchedDatabase<T>(
  invocation: Invocation,
  command: string,
  { alerts, extraction }: RunSettings,
  work: (database: Database, alert: DatabaseAlert) => Promise<T>,
): Promise<T> {
  const alert = createDatabaseAlert({
    settings: alerts,
    conta: extraction.source.conta,
    folder: alertsFolder,
    emit: invocation.reporter.event,
    now: () => new Date(),
  });
  let isThere = false;
  try {
    return await withDatabase(invocation, command, async (database) => {
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
  } catch (error) {
    if (!isThere && !invocation.signal.aborted) await alert.away(0);
    throw error;
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
