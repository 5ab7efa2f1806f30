import type { Pool } from "pg";
import type { CvdwObject } from "./catalogue.ts";
import {
  moveCursor,
  planScan,
  rememberDateOnly,
  rememberPageSize,
  type ScanPlan,
  withDateMode,
} from "./cursor.ts";
import { CvdwError } from "./errors.ts";
import type { ScanResult } from "./events.ts";
import type { Limits } from "./limits.ts";
import { finishLoad, type LoadEvidence, landingState, startLoad } from "./load-record.ts";
import { openPageWriter } from "./page-writer.ts";
import { type Queryable, query, sql } from "./query.ts";
import type { PageReader } from "./read-page.ts";
import { distinctKeys, type Reading, readUntilProven, startReading } from "./reading.ts";
import { type FieldDrift, recordFields } from "./record-fields.ts";
import { markRemovals, type Removals } from "./removals.ts";
import type { ScanOptions } from "./scan-options.ts";
import {
  closeScan,
  keysTable,
  openScans,
  readProgress,
  type ScanProgress,
  type ScanRecord,
  seenKeys,
} from "./scan-record.ts";

/** What every scan of a run shares. */
export type ScanContext = PageReader & {
  readonly database: Pool;
  readonly runId: bigint;
  readonly options: ScanOptions;
  readonly now: () => Date;
  /**
   * Ends the run early: pages in hand are landed, nothing more is asked for. Aborted by whoever stops
   * the run, and by the run itself once the database fails.
   */
  readonly stop: AbortController;
};

/**
 * Scans one object into `landing` and says whether it was read whole; goes on with a scan that an
 * earlier run left unfinished. Only a proven scan moves the cursor.
 *
 * @throws CvdwError when the source failed before anything was read
 */
export async function scanObject(
  context: ScanContext,
  limits: Limits,
  object: CvdwObject,
): Promise<ScanResult> {
  const { database, options } = context;
  const { conta } = context.client.source;
  const planned = await planScan(database, { conta, object, options, now: context.now() });
  const record = await scanToResume(context, object, planned);
  const plan = record === undefined ? planned : resumedPlan(planned, record);
  try {
    return await scanWith(context, limits, object, plan, record);
  } catch (error) {
    if (!refusesDate(error, plan)) throw error;
    await rememberDateOnly(database, { conta, object: object.name });
    await closeScansOf(context, object, plan);
    return scanWith(context, limits, object, withDateMode(plan, true), undefined);
  }
}

/** The source refuses the request, and it names a time: perhaps it takes dates alone. */
function refusesDate(error: unknown, { dateOnly, since, until }: ScanPlan): boolean {
  if (!(error instanceof CvdwError) || error.status !== 400) return false;
  return !dateOnly && (since ?? until) !== undefined;
}

/**
 * The scan of the same kind that an earlier run left open: the daily one, whatever it reads, unless
 * a full one is asked for; or a backfill of the same range. A daily scan replaces the others.
 */
async function scanToResume(
  { client, database, options }: ScanContext,
  object: CvdwObject,
  plan: ScanPlan,
): Promise<ScanRecord | undefined> {
  const { conta } = client.source;
  const open = await openScans(database, { conta, object: object.name });
  if (plan.mode === "backfill") {
    return open.find(
      (scan) => scan.mode === "backfill" && scan.since === plan.since && scan.until === plan.until,
    );
  }
  const daily = open.filter(({ mode }) => mode !== "backfill");
  const usable = daily.filter(({ mode }) => mode === "full" || !options.full);
  const [kept] = usable;
  for (const scan of daily) {
    if (scan !== kept) await closeScan(database, scan.scanId);
  }
  return kept;
}

/** A scan whose filter the source refuses cannot be gone on with, wherever it was begun. */
async function closeScansOf(
  { client, database }: ScanContext,
  object: CvdwObject,
  { mode, since, until }: ScanPlan,
): Promise<void> {
  const { conta } = client.source;
  for (const scan of await openScans(database, { conta, object: object.name })) {
    const isOf = scan.mode === mode && scan.since === since && scan.until === until;
    if (isOf) await closeScan(database, scan.scanId);
  }
}

function resumedPlan(plan: ScanPlan, { mode, since, until }: ScanRecord): ScanPlan {
  const isDate = (text: string | undefined) => text === undefined || text.length === 10;
  return { ...plan, mode, since, until, dateOnly: isDate(since) && isDate(until) };
}

async function scanWith(
  context: ScanContext,
  limits: Limits,
  object: CvdwObject,
  plan: ScanPlan,
  record: ScanRecord | undefined,
): Promise<ScanResult> {
  const { database } = context;
  const { conta } = context.client.source;
  const { mode, since, until } = plan;
  const load = await startLoad(database, {
    runId: context.runId,
    conta,
    object: object.name,
    mode,
    since,
    until,
  });
  const beside = mode === "backfill" ? "daily scan" : "nobody";
  const writer = await openPageWriter(database, load, { beside });
  try {
    // Whoever landed the object before has finished now, and may even have ended the scan.
    const progress = record === undefined ? undefined : await readProgress(database, record);
    const open = progress === undefined ? undefined : record;
    if (open !== undefined) {
      load.scanId = open.scanId;
      load.seenKeys = seenKeys(open, { coverLanding: false });
    }
    const landing = await landingState(database, load);
    const startedAt = open?.startedAt ?? context.now();
    const reading = startReading(
      { context, limits, object, plan, load, writer, startedAt, landing, record: open },
      progress,
    );
    tellStart(reading, progress);
    return await readAndFinish(reading);
  } finally {
    await writer.close();
  }
}

function tellStart({ context, object, plan }: Reading, progress: ScanProgress | undefined): void {
  context.emit({
    type: "object-started",
    object: object.name,
    mode: plan.mode,
    since: plan.since ?? null,
    resumed:
      progress === undefined ? null : { unread: progress.pass.unread, total: progress.pass.total },
  });
}

async function readAndFinish(reading: Reading): Promise<ScanResult> {
  const { context, load, writer } = reading;
  const { database } = context;
  try {
    const verdict = await readUntilProven(reading);
    return await finishScan(reading, verdict);
  } catch (error) {
    const asksAgain = refusesDate(error, reading.plan);
    if (error instanceof CvdwError && reading.pages > 0 && !asksAgain) {
      return finishFailed(reading, error);
    }
    const reason = error instanceof CvdwError ? error.message : "the run ended in the middle";
    const ended = { ...evidence(reading), verdict: "failed", error: reason } as const;
    await writer.settle().catch(() => undefined);
    await finishLoad(database, load.loadId, ended).catch(() => undefined);
    throw error;
  }
}

/** The source failed on the way: what arrived stays, and the next run goes on from there. */
async function finishFailed(reading: Reading, failure: CvdwError): Promise<ScanResult> {
  const { load, writer } = reading;
  let drift: readonly FieldDrift[] = [];
  await writer.finish(reading.onlyPage, async (client) => {
    const ended = { ...evidence(reading), verdict: "failed", error: failure.message } as const;
    await finishLoad(client, load.loadId, ended);
    drift = await recordFields(client, load, reading.fields);
  });
  tellDrift(reading, drift);
  const { fault, message: reason } = failure;
  const { quarantined } = writer.counts();
  return { ...resultOf(reading, "failed"), quarantined, fault, reason };
}

/** Stores the verdict, and what follows from it, in the transaction that lands the last page. */
async function finishScan(
  reading: Reading,
  verdict: "proven" | "unproven" | "stopped",
): Promise<ScanResult> {
  const { load, plan, writer } = reading;
  let removals: Removals = { missing: 0, removed: 0, returned: 0 };
  let quarantined = 0;
  let drift: readonly FieldDrift[] = [];
  let reason = verdict === "proven" ? undefined : unfinishedReason(reading, verdict);
  await writer.finish(reading.onlyPage, async (client) => {
    if (verdict === "proven" && plan.mode !== "backfill") {
      const { mode } = plan;
      const { startedAt, newestSeen } = reading;
      const { conta, object, loadId } = load;
      await moveCursor(client, { conta, object, loadId, mode, startedAt, newestSeen });
      if (mode === "full") removals = await markRemovals(client, fullScan(reading));
      reason = removals.refused;
    }
    await recoverPageSize(client, reading);
    const error = reason ?? null;
    await finishLoad(client, load.loadId, { ...evidence(reading), verdict, error });
    quarantined = writer.counts().quarantined === 0 ? 0 : await countQuarantined(client, load);
    drift = await recordFields(client, load, reading.fields);
    if (verdict !== "stopped" && load.scanId !== undefined) await closeScan(client, load.scanId);
  });
  tellDrift(reading, drift);
  const { removed, returned } = removals;
  const result = { ...resultOf(reading, verdict), quarantined, removed, returned };
  return reason === undefined ? result : { ...result, reason };
}

function resultOf(reading: Reading, verdict: ScanResult["verdict"]): ScanResult {
  return {
    object: reading.object.name,
    verdict,
    mode: reading.plan.mode,
    records: distinctKeys(reading),
    newVersions: reading.writer.counts().newVersions,
    quarantined: 0,
    removed: 0,
    returned: 0,
    pages: reading.pages,
    ms: Math.round(performance.now() - reading.startedMs),
  };
}

/** A record in quarantine may have been read several times. */
async function countQuarantined(
  client: Queryable,
  { conta, object, loadId }: Reading["load"],
): Promise<number> {
  const [row] = await query<{ count: number }>(
    client,
    sql`
      select count(*)::integer as count
      from elt.quarantine
      where conta = ${conta} and objeto = ${object} and load_id = ${loadId}`,
  );
  return row?.count ?? 0;
}

function tellDrift({ context, load }: Reading, drift: readonly FieldDrift[]): void {
  const { object } = load;
  if (drift.length > 0) context.emit({ type: "drift-found", object, drift });
}

function fullScan({ context, load, onlyPage, record }: Reading) {
  const { conta, object, loadId } = load;
  const read =
    record === undefined ? { chaves: chavesOf(onlyPage) } : { keysTable: keysTable(record) };
  const { allowMassRemoval } = context.options;
  return { conta, object, loadId, read, allowMassRemoval, now: context.now() };
}

function chavesOf(page: Reading["onlyPage"]): readonly string[] {
  const landed = page?.records.map(({ chave }) => chave) ?? [];
  return [...landed, ...(page?.refused.flatMap(({ chave }) => chave ?? []) ?? [])];
}

/** A scan without time-outs lets the next one ask for pages twice as large, up to the usual size. */
async function recoverPageSize(
  client: Queryable,
  { context, load, plan, timedOut, pageSize }: Reading,
): Promise<void> {
  const usual = context.options.pageSize;
  if (timedOut || plan.pageSize >= usual) return;
  const twice = pageSize * 2;
  const { conta, object } = load;
  await rememberPageSize(client, {
    conta,
    object,
    pageSize: twice >= usual ? undefined : twice,
  });
}

function unfinishedReason(reading: Reading, verdict: "unproven" | "stopped"): string {
  const { object, passes, pass } = reading;
  const { name } = object;
  if (verdict === "stopped") {
    return `${name}: stopped by a limit with ${pass.step === "first" ? "all" : pass.unread} records unread. What arrived is landed; the next run goes on from there.`;
  }
  const read = distinctKeys(reading);
  const key = object.key.join(" and ");
  const [cause, advice] = pass.shrank
    ? ["it had more while it was read", ""]
    : [
        "they should be as many",
        ` If it ends so for days, look in the CRM for records with the same ${key}.`,
      ];
  return `${name}: after ${passes} passes ${read} different records were read where the source counts ${pass.total} (${cause}). What arrived is landed; its cursor stays where it was, and the next run reads it again.${advice}`;
}

function evidence(reading: Reading): Omit<LoadEvidence, "verdict" | "error"> {
  return {
    passes: reading.passes,
    pages: reading.pages,
    pageSize: reading.pageSize,
    total: reading.pass.total,
    distinctKeys: distinctKeys(reading),
    records: reading.records,
    newVersions: reading.writer.counts().newVersions,
    scanId: reading.load.scanId,
  };
}
