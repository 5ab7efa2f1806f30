import type { Pool } from "pg";
import type { CvdwObject } from "./catalogue.ts";
import { moveCursor, planScan, rememberDateOnly, type ScanPlan, sinceParameter } from "./cursor.ts";
import { CvdwError } from "./errors.ts";
import type { ScanResult } from "./events.ts";
import { createKeySet, type KeySet } from "./key-set.ts";
import { finishLoad, startLoad } from "./load-record.ts";
import type { Page } from "./page.ts";
import { openPageWriter, type PageWriter } from "./page-writer.ts";
import { type PageReader, readPage } from "./read-page.ts";
import { MissingKeyError, toLandingRecord } from "./record.ts";
import type { WallClock } from "./wall-clock.ts";
import { brasiliaWallClock } from "./wall-clock.ts";

/** What every scan of a run shares. */
export type ScanContext = PageReader & {
  readonly database: Pool;
  readonly runId: bigint;
  readonly pageSize: number;
  readonly now: () => Date;
};

/** The state of a scan under way; a pass starts it anew, the load goes on. */
type Scan = {
  readonly context: ScanContext;
  readonly object: CvdwObject;
  readonly plan: ScanPlan;
  readonly writer: PageWriter;
  readonly startedAt: Date;
  keys: KeySet;
  /** Every total that a page of this pass reported. */
  totals: Set<number>;
  newestSeen: WallClock | undefined;
  passes: number;
  passStartedMs: number;
  pages: number;
  records: number;
};

const MAX_PASSES = 3;
/**
 * Scans one object into `landing` and says whether it was read whole.
 *
 * Rows come in ascending order of change, and one that is edited moves to the end, so that the
 * rows after it slide one place back. Reading from the last page to the first turns such slides
 * into repetitions, which cost nothing, instead of gaps. The scan is proven when every page of a
 * pass reported the same total and the distinct keys equal it; only then does the cursor move.
 *
 * @throws CvdwError when the source failed; what was read until then stays landed
 */
export async function scanObject(context: ScanContext, object: CvdwObject): Promise<ScanResult> {
  const { conta } = context.client.source;
  const startedAt = context.now();
  const plan = await planScan(context.database, {
    conta,
    object,
    pageSize: context.pageSize,
    now: startedAt,
  });
  try {
    return await scanWith(context, object, plan, startedAt);
  } catch (error) {
    const refusedDate = error instanceof CvdwError && error.status === 400;
    if (!refusedDate || plan.mode === "full" || plan.dateOnly) throw error;
    await rememberDateOnly(context.database, { conta, object: object.name });
    return scanWith(context, object, { ...plan, dateOnly: true }, startedAt);
  }
}

async function scanWith(
  context: ScanContext,
  object: CvdwObject,
  plan: ScanPlan,
  startedAt: Date,
): Promise<ScanResult> {
  const { conta } = context.client.source;
  const since = sinceParameter(plan) ?? null;
  context.emit({ type: "object-started", object: object.name, mode: plan.mode, since });
  const started = performance.now();
  const load = await startLoad(context.database, {
    runId: context.runId,
    conta,
    object: object.name,
    mode: plan.mode,
    since,
  });
  const { loadId } = load;
  const writer = await openPageWriter(context.database, load);
  const scan: Scan = {
    context,
    object,
    plan,
    writer,
    startedAt,
    keys: createKeySet(),
    totals: new Set(),
    newestSeen: undefined,
    passes: 0,
    passStartedMs: 0,
    pages: 0,
    records: 0,
  };
  try {
    const proven = await readUntilProven(scan);
    const [total = 0] = scan.totals;
    const reason = proven ? undefined : unprovenReason(scan, total);
    const verdict = reason === undefined ? "proven" : "unproven";
    const mode = plan.mode;
    await writer.finish(async (client) => {
      await finishLoad(client, loadId, { ...evidence(scan), verdict, error: reason ?? null });
      if (verdict === "unproven") return;
      const { newestSeen } = scan;
      await moveCursor(client, { conta, object: object.name, loadId, mode, startedAt, newestSeen });
    });
    return {
      object: object.name,
      verdict,
      mode,
      records: scan.records,
      newVersions: writer.newVersions(),
      pages: scan.pages,
      ms: Math.round(performance.now() - started),
      ...(reason === undefined ? {} : { reason }),
    };
  } catch (error) {
    // What arrived stays: also the page that was held back for the end.
    await writer.flush().catch(() => undefined);
    const reason = error instanceof CvdwError ? error.message : "the run ended in the middle";
    await finishLoad(context.database, loadId, {
      ...evidence(scan),
      verdict: "failed",
      error: reason,
    }).catch(() => undefined);
    throw error;
  } finally {
    await writer.close();
  }
}

/** Passes over the pages until one is proven, at most three times. */
async function readUntilProven(scan: Scan): Promise<boolean> {
  const { context } = scan;
  while (scan.passes < MAX_PASSES) {
    if (scan.passes > 0) {
      context.emit({
        type: "pass-repeated",
        object: scan.object.name,
        total: Math.max(...scan.totals),
        distinct: scan.keys.size(),
      });
    }
    scan.passes++;
    scan.passStartedMs = performance.now();
    scan.keys = createKeySet();
    scan.totals = new Set();
    const first = await readPage(context, pageRequest(scan, 1));
    await take(scan, 1, first, first.totalPages);
    for await (const [number, page] of pagesDown(scan, first.totalPages)) {
      await take(scan, number, page, first.totalPages);
    }
    if (isProven(scan)) return provenIsPlausible(scan);
  }
  return false;
}

function isProven(scan: Scan): boolean {
  const [total] = scan.totals;
  return scan.totals.size === 1 && total === scan.keys.size();
}

/** An empty answer where rows are known to exist proves nothing. */
async function provenIsPlausible(scan: Scan): Promise<boolean> {
  if (scan.plan.mode === "incremental" || scan.keys.size() > 0) return true;
  const { rows } = await scan.context.database.query(
    "select from elt.cursors where conta = $1 and objeto = $2 and cursor_at is not null",
    [scan.context.client.source.conta, scan.object.name],
  );
  return rows.length === 0;
}

function unprovenReason(scan: Scan, total: number): string {
  const { name } = scan.object;
  if (scan.keys.size() === 0 && total === 0) {
    return `${name}: the source answered that there are no records, though it has sent some before. Its cursor stays where it was; run again later.`;
  }
  return `${name}: after ${scan.passes} passes ${scan.keys.size()} different records were read where the source counts ${[...scan.totals].join(", then ")}. What arrived is landed; its cursor stays where it was, and the next run reads it again.`;
}

/**
 * Pages from the last to the second. The next is asked for while one is landed, but never before it
 * was answered: the source must see the requests in this order, or a record that moves between two
 * answers would arrive new first and old afterwards.
 */
async function* pagesDown(scan: Scan, last: number): AsyncGenerator<[number, Page]> {
  let next = last >= 2 ? readAhead(scan, last) : undefined;
  for (let number = last; number >= 2; number--) {
    const page = await next;
    if (page === undefined) return;
    next = number > 2 ? readAhead(scan, number - 1) : undefined;
    yield [number, page];
  }
}

/** A failure is seen when the page's turn comes; until then it must not end the process. */
function readAhead(scan: Scan, number: number): Promise<Page> {
  const page = readPage(scan.context, pageRequest(scan, number));
  page.catch(() => undefined);
  return page;
}

function pageRequest(scan: Scan, page: number) {
  return {
    object: scan.object,
    page,
    pageSize: scan.context.pageSize,
    since: sinceParameter(scan.plan),
  };
}

/** Counts a page's evidence and hands its records to the writer. */
async function take(scan: Scan, number: number, page: Page, pages: number): Promise<void> {
  const now = brasiliaWallClock(scan.startedAt);
  const records = page.records.map((raw, index) => {
    try {
      const record = toLandingRecord(scan.object, raw);
      scan.keys.add(record.chave);
      const date = record.referenciaData;
      if (date !== undefined && date <= now && (scan.newestSeen ?? date) <= date) {
        scan.newestSeen = date;
      }
      return record;
    } catch (error) {
      if (!(error instanceof MissingKeyError)) throw error;
      throw new CvdwError({
        fault: "rejected-record",
        object: scan.object.name,
        page: number,
        message: `record ${index + 1}: ${error.message}.`,
      });
    }
  });
  scan.totals.add(page.totalRecords);
  scan.pages++;
  scan.records += records.length;
  await scan.writer.push(number, records);
  const done = number === 1 ? 1 : pages - number + 2;
  const perPage = (performance.now() - scan.passStartedMs) / done;
  scan.context.emit({
    type: "page-landed",
    object: scan.object.name,
    done,
    pages: Math.max(1, pages),
    records: scan.records,
    newVersions: scan.writer.newVersions(),
    etaMs: done === 1 ? undefined : Math.round(perPage * (pages - done)),
  });
}

function evidence(scan: Scan) {
  const [total] = scan.totals;
  return {
    passes: scan.passes,
    pages: scan.pages,
    total: scan.totals.size === 1 && total !== undefined ? total : null,
    distinctKeys: scan.keys.size(),
    records: scan.records,
    newVersions: scan.writer.newVersions(),
  };
}
