import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import { createBudget } from "../extract/budget.ts";
import { type CvdwObject, catalogue, defaultObjects, findObject } from "../extract/catalogue.ts";
import { createCvdwClient } from "../extract/cvdw.ts";
import type { ScanResult } from "../extract/events.ts";
import { extractionLock, extractObjects } from "../extract/extract.ts";
import { closeInterruptedLoads } from "../extract/load-record.ts";
import { everyPage } from "../extract/scan-options.ts";
import { exitCodes } from "./command.ts";
import type { SourceConfig } from "./config.ts";
import { ConfigError } from "./errors.ts";
import type { RunEvent } from "./events.ts";
import type { Reporter } from "./reporter.ts";
import { locked, type Outcome, type Session } from "./session.ts";

/** The source's own maximum. */
const PAGE_SIZE = 500;

/**
 * Extracts objects of one account while holding its lock.
 * @throws LockError when another run extracts the account, ConfigError when the source refuses the
 *   credentials for every object
 */
export async function runExtraction(
  { pool, runId }: Session,
  source: SourceConfig,
  objects: readonly CvdwObject[],
  emit: (event: RunEvent) => void,
): Promise<readonly ScanResult[]> {
  const { conta } = source;
  const lock = { name: extractionLock(conta), subject: `An extraction of account ${conta}` };
  const results = await locked(pool, lock, async () => {
    await closeInterruptedLoads(pool, conta);
    return extract(pool, runId, source, objects, emit);
  });
  if (results.length > 0 && results.every((result) => result.fault === "unauthorized")) {
    throw new ConfigError([
      `CVDW refused the credentials of account ${conta} for every object (401): check CVCRM_API_EMAIL, CVCRM_API_TOKEN and CVCRM_ACCOUNT, and that the user has access to CVDW.`,
    ]);
  }
  return results;
}

async function extract(
  pool: Pool,
  runId: bigint,
  source: SourceConfig,
  objects: readonly CvdwObject[],
  emit: (event: RunEvent) => void,
): Promise<readonly ScanResult[]> {
  const { conta, email, token } = source;
  const client = createCvdwClient({ conta, email, token, baseUrl: source.url });
  const budget = createBudget({
    database: pool,
    conta,
    limit: source.rateLimit,
    sleep: delay,
    onWait: ({ object, ms }) => emit({ type: "budget-wait", object, ms }),
  });
  const context = {
    client,
    budget,
    emit,
    sleep: delay,
    random: Math.random,
    database: pool,
    runId,
    options: { ...everyPage, pageSize: PAGE_SIZE },
    now: () => new Date(),
  };
  try {
    return await extractObjects(context, objects);
  } finally {
    await client.close();
  }
}

/** Tells on stderr which objects did not arrive whole: exit 3 when there is one. */
export function reportExtraction(results: readonly ScanResult[], reporter: Reporter): Outcome {
  const bad = results.filter((result) => result.verdict !== "proven");
  const [first] = bad;
  if (first === undefined) return { exitCode: exitCodes.done };
  const names = bad.map((result) => result.object).join(", ");
  const error = `${bad.length} of ${results.length} objects did not arrive whole (${names}). ${first.reason ?? ""}`;
  reporter.failure(error, exitCodes.sourceFailed);
  return { exitCode: exitCodes.sourceFailed, error };
}

function unknownObject(name: string): string {
  const all = catalogue.map((object) => object.name).sort();
  const start = name.slice(0, 4);
  const near = all.filter((known) => known.includes(name) || known.startsWith(start));
  return near.length > 0
    ? `CVDW has no object ${name}. Near it: ${near.join(", ")}.`
    : `CVDW has no object ${name}. Objects: ${all.join(", ")}.`;
}

/**
 * The objects that a command names; all that the marts need when it names none.
 * @throws ConfigError for a name that CVDW does not have
 */
export function chooseObjects(names: readonly string[]): readonly CvdwObject[] {
  if (names.length === 0) return defaultObjects;
  const unknown = names.filter((name) => findObject(name) === undefined);
  if (unknown.length > 0) {
    throw new ConfigError(unknown.map(unknownObject));
  }
  return names.flatMap((name) => findObject(name) ?? []);
}
