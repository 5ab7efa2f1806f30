import { createBudget } from "../extract/budget.ts";
import type { CvdwObject } from "../extract/catalogue.ts";
import { createCvdwClient } from "../extract/cvdw.ts";
import type { ScanResult } from "../extract/events.ts";
import { extractionLock, extractObjects } from "../extract/extract.ts";
import { credentialsRefused } from "../extract/give-up.ts";
import { sleepUntil } from "../extract/limits.ts";
import { closeInterruptedLoads } from "../extract/load-record.ts";
import { longestUnreadFirst } from "../extract/longest-unread.ts";
import type { ScanOptions } from "../extract/scan-options.ts";
import { resumeAccount } from "./accounts.ts";
import type { SourceConfig } from "./config.ts";
import { ConfigError } from "./errors.ts";
import type { RunEvent } from "./events.ts";
import { locked, type Session } from "./session.ts";

/** What an extraction reads, of which account, and how. */
export type Extraction = {
  readonly source: SourceConfig;
  readonly objects: readonly CvdwObject[];
  readonly options: ScanOptions;
  /** Ends it early: the pages in hand are landed, and the next run goes on from there. */
  readonly stop?: AbortSignal | undefined;
};

/**
 * Extracts objects of one account while holding its lock. A backfill has a lock of its own: one an
 * account, which may run while the daily extraction does.
 * @throws LockError when another run extracts the account, ConfigError when the source refuses the
 *   credentials for every object
 */
export async function runExtraction(
  session: Session,
  extraction: Extraction,
  emit: (event: RunEvent) => void,
): Promise<readonly ScanResult[]> {
  const { source, options, objects } = extraction;
  const { conta } = source;
  const backfill = options.range !== undefined;
  const kind = backfill ? "backfill" : "daily";
  const lock = backfill
    ? { name: `backfill ${conta}`, subject: `A backfill of account ${conta}` }
    : { name: extractionLock(conta), subject: `An extraction of account ${conta}` };
  const results = await locked(session.pool, lock, async () => {
    await closeInterruptedLoads(session.pool, conta, kind);
    if (!backfill) await resumeAccount(session.pool, conta);
    const limited = options.maxPages !== undefined || options.deadline !== undefined;
    const ordered = limited
      ? await longestUnreadFirst(session.pool, conta, objects, kind)
      : objects;
    return extract(session, { ...extraction, objects: ordered }, emit);
  });
  if (extraction.stop?.aborted !== true && credentialsRefused(results))
    throw new ConfigError([refusedSentence(conta, results)]);
  return results;
}

/** One object alone may also be one that the user has no permission for. */
function refusedSentence(conta: string, [first, second]: readonly ScanResult[]): string {
  const what = second === undefined ? first?.object : undefined;
  return `CVDW refused the credentials of account ${conta} for ${what ?? "every object"} (401): check CVCRM_API_EMAIL, CVCRM_API_TOKEN and CVCRM_ACCOUNT, and that the user has access to ${what ?? "CVDW"}.`;
}

async function extract(
  { pool, runId }: Session,
  { source, objects, options, stop }: Extraction,
  emit: (event: RunEvent) => void,
): Promise<readonly ScanResult[]> {
  const { conta, email, token } = source;
  const ending = new AbortController();
  const end = () => ending.abort();
  if (stop?.aborted) end();
  stop?.addEventListener("abort", end);
  const sleep = sleepUntil(ending.signal);
  const client = createCvdwClient({ conta, email, token, baseUrl: source.url });
  const budget = createBudget({
    database: pool,
    conta,
    limit: source.rateLimit,
    sleep,
    onWait: ({ object, ms }) => emit({ type: "budget-wait", object, ms }),
  });
  const context = {
    client,
    budget,
    emit,
    sleep,
    random: Math.random,
    database: pool,
    runId,
    options,
    now: () => new Date(),
    stop: ending,
  };
  try {
    return await extractObjects(context, objects);
  } finally {
    stop?.removeEventListener("abort", end);
    await client.close();
  }
}
