import type { CvdwObject } from "./catalogue.ts";
import { rememberPageSize, type ScanPlan } from "./cursor.ts";
import { CvdwError } from "./errors.ts";
import { createFieldObserver, type FieldObserver } from "./fields.ts";
import type { Load } from "./land.ts";
import { type Limits, OutOfTimeError } from "./limits.ts";
import type { Page } from "./page.ts";
import type { PageToLand, PageWriter } from "./page-writer.ts";
import { afterPage, isProven, newPass, nextPage, type PageRange, type Pass } from "./pass.ts";
import { readPage, SMALLEST_PAGE } from "./read-page.ts";
import { toLandingRecords } from "./record.ts";
import type { ScanContext } from "./scan.ts";
import { nextPass, openScan, type ScanProgress, type ScanRecord, seenKeys } from "./scan-record.ts";
import { brasiliaWallClock, formatWallClock, type WallClock } from "./wall-clock.ts";

/** The reading of one object by one load; a pass starts its first part anew, the load goes on. */
export type Reading = {
  readonly context: ScanContext;
  readonly limits: Limits;
  readonly object: CvdwObject;
  readonly plan: ScanPlan;
  readonly load: Load;
  readonly writer: PageWriter;
  readonly startedAt: Date;
  readonly landing: { readonly empty: boolean; readonly live: boolean };
  /** Of every record that the load read. */
  readonly fields: FieldObserver;
  /** Undefined until the object turns out to have several pages. */
  record: ScanRecord | undefined;
  pass: Pass;
  passes: number;
  /** Pages of the pass until now. */
  ordinal: number;
  /** Keys of the pass before this load, or before this pass, less those that the writer counts. */
  keysBefore: number;
  /** The page of an object that has only one: it is landed with the verdict. */
  onlyPage: PageToLand | undefined;
  newestSeen: WallClock | undefined;
  pageSize: number;
  timedOut: boolean;
  pages: number;
  records: number;
  readonly startedMs: number;
};

/** Begins at page 1, or where an earlier run left the scan. */
export function startReading(
  start: Pick<
    Reading,
    | "context"
    | "limits"
    | "object"
    | "plan"
    | "load"
    | "writer"
    | "startedAt"
    | "landing"
    | "record"
  >,
  progress: ScanProgress | undefined,
): Reading {
  return {
    ...start,
    fields: createFieldObserver(),
    pass: progress?.pass ?? newPass,
    passes: progress?.passes ?? 1,
    ordinal: progress?.pages ?? 0,
    keysBefore: progress?.distinctKeys ?? 0,
    newestSeen: progress?.newestSeen,
    onlyPage: undefined,
    pageSize: start.plan.pageSize,
    timedOut: false,
    pages: 0,
    records: 0,
    startedMs: performance.now(),
  };
}

/**
 * Passes over the rows until one is proven, as often as the plan allows, or until a limit is reached.
 * @throws CvdwError when the source failed
 */
export async function readUntilProven(
  reading: Reading,
): Promise<"proven" | "unproven" | "stopped"> {
  for (;;) {
    const end = await readPass(reading);
    await reading.writer.settle();
    if (end === "stopped") return "stopped";
    if (isProven(reading.pass, distinctKeys(reading))) return "proven";
    if (reading.passes >= reading.plan.maxPasses) return "unproven";
    reading.context.emit({
      type: "pass-repeated",
      object: reading.object.name,
      total: reading.pass.total,
      distinct: distinctKeys(reading),
    });
    await beginPass(reading);
  }
}

/** Keys that the pass has read, in whatever run. */
export function distinctKeys(reading: Reading): number {
  const { onlyPage } = reading;
  if (onlyPage === undefined) return reading.keysBefore + reading.writer.counts().newKeys;
  const keys = onlyPage.records.map(({ chave }) => chave);
  const unlanded = onlyPage.refused.map(({ chave, index }) => chave ?? `\u0001row ${index}`);
  return new Set([...keys, ...unlanded]).size;
}

async function beginPass(reading: Reading): Promise<void> {
  const { record, load, onlyPage } = reading;
  if (onlyPage !== undefined) await reading.writer.push(onlyPage);
  reading.onlyPage = undefined;
  await reading.writer.settle();
  if (record !== undefined) {
    await nextPass(reading.context.database, record.scanId);
    load.seenKeys = seenKeys(record, { coverLanding: false });
  }
  reading.pass = newPass;
  reading.passes++;
  reading.ordinal = 0;
  reading.keysBefore = -reading.writer.counts().newKeys;
}

/**
 * The pages of one pass. The next is asked for while one is landed, but never before it was
 * answered: the source must see the requests in this order, or a record that moves between two
 * answers would arrive new first and old afterwards.
 */
async function readPass(reading: Reading): Promise<"over" | "stopped"> {
  let ahead: Promise<Page> | undefined;
  for (;;) {
    const wanted = nextPage(reading.pass, reading.pageSize);
    if (wanted === undefined) return "over";
    if (ahead === undefined && !reading.limits.mayAsk()) return "stopped";
    const page = await pageOrTimeout(reading, wanted, ahead);
    ahead = undefined;
    if (page === "stopped") return "stopped";
    if (page === "timeout") continue;
    if (reading.pass.step === "tail") {
      await landTail(reading, wanted, page);
      continue;
    }
    const landing = await takePage(reading, wanted, page);
    const next = nextPage(reading.pass, reading.pageSize);
    if (next !== undefined && reading.limits.mayAsk()) ahead = readAhead(reading, next);
    if (landing !== undefined) await reading.writer.push(landing);
    report(reading);
  }
}

/** A page that is too big for the source's patience, or for ours, is asked for in halves. */
async function pageOrTimeout(
  reading: Reading,
  wanted: PageRange,
  ahead: Promise<Page> | undefined,
): Promise<Page | "timeout" | "stopped"> {
  try {
    return await (ahead ?? ask(reading, wanted));
  } catch (error) {
    const { context, object } = reading;
    if (error instanceof OutOfTimeError) return "stopped";
    if (!(error instanceof CvdwError)) throw error;
    if (error.fault === "empty" && wanted.page > 1) return beyondTheEnd(reading, wanted, error);
    if (!error.healsByLess || wanted.size <= SMALLEST_PAGE) throw error;
    reading.pageSize = Math.max(SMALLEST_PAGE, Math.ceil(wanted.size / 2));
    reading.timedOut = true;
    const { conta } = context.client.source;
    const { pageSize } = reading;
    await rememberPageSize(context.database, { conta, object: object.name, pageSize });
    context.emit({ type: "page-size-halved", object: object.name, pageSize });
    return "timeout";
  }
}

/** A page is empty by right when the source has shrunk so far meanwhile; page 1 tells. */
async function beyondTheEnd(reading: Reading, wanted: PageRange, error: CvdwError): Promise<Page> {
  const first = await ask(reading, { page: 1, size: wanted.size });
  if (first.totalRecords > (wanted.page - 1) * wanted.size) throw error;
  return { ...first, records: [] };
}

/** A failure is seen when the page's turn comes; until then it must not end the process. */
function readAhead(reading: Reading, wanted: PageRange): Promise<Page> {
  const page = ask(reading, wanted);
  page.catch(() => undefined);
  return page;
}

function ask(reading: Reading, { page, size }: PageRange): Promise<Page> {
  const { context, object, plan, pass } = reading;
  reading.limits.count();
  const rowsKnown =
    pass.step === "first" ? plan.mode === "full" && reading.landing.live : pass.total > 0;
  // Page 1 alone can tell that everything is gone.
  const rowsExpected = rowsKnown && !(page === 1 && context.options.allowMassRemoval);
  return readPage(context, {
    object,
    page,
    pageSize: size,
    since: plan.since,
    until: plan.until,
    fields: reading.fields,
    rowsExpected,
    mayWait: reading.limits.mayWait,
  });
}

/** Moves the pass on, and gives what is to be landed: nothing when it is an object's only page. */
async function takePage(
  reading: Reading,
  wanted: PageRange,
  page: Page,
): Promise<PageToLand | undefined> {
  const isFirst = reading.pass.step === "first";
  reading.pass = afterPage(reading.pass, {
    ...wanted,
    total: page.totalRecords,
    broughtNew: false,
  });
  const landing = toLand(reading, wanted, page);
  reading.ordinal++;
  if (isFirst && reading.pass.step === "over" && reading.record === undefined) {
    reading.onlyPage = { ...landing, evidence: undefined };
    return undefined;
  }
  if (reading.record === undefined) await recordScan(reading);
  return landing;
}

/** The object has several pages: from now on a scan that is cut off can be gone on with. */
async function recordScan(reading: Reading): Promise<void> {
  const { context, plan, load, startedAt } = reading;
  const record = await openScan(context.database, {
    conta: load.conta,
    object: load.object,
    mode: plan.mode,
    since: plan.since,
    until: plan.until,
    startedAt,
  });
  reading.record = record;
  load.scanId = record.scanId;
  const coverLanding = reading.landing.empty && reading.passes === 1 && plan.mode !== "backfill";
  load.seenKeys = seenKeys(record, { coverLanding });
}

/** The tail goes on as long as it brings something, so each page is landed before the next. */
async function landTail(reading: Reading, wanted: PageRange, page: Page): Promise<void> {
  const { writer } = reading;
  await writer.settle();
  const before = writer.counts();
  await writer.push(toLand(reading, wanted, page));
  reading.ordinal++;
  await writer.settle();
  const after = writer.counts();
  const broughtNew = after.newKeys > before.newKeys || after.newVersions > before.newVersions;
  reading.pass = afterPage(reading.pass, { ...wanted, total: page.totalRecords, broughtNew });
  report(reading);
}

/** Counts a page's evidence and gives its records their keys. */
function toLand(reading: Reading, { page: number, size }: PageRange, page: Page): PageToLand {
  const { records, refused } = toLandingRecords(reading.object, page);
  const now = brasiliaWallClock(reading.context.now());
  let newest: WallClock | undefined;
  for (const { referenciaData: date } of records) {
    if (date !== undefined && date <= now && (newest ?? date) <= date) newest = date;
  }
  if (newest !== undefined && (reading.newestSeen ?? newest) <= newest) reading.newestSeen = newest;
  reading.pages++;
  reading.records += page.records.length;
  return {
    records,
    refused,
    page: number,
    pageSize: size,
    evidence: {
      ordinal: reading.ordinal,
      page: number,
      size,
      records: page.records.length,
      total: page.totalRecords,
      newest: newest === undefined ? undefined : formatWallClock(newest),
    },
  };
}

function report(reading: Reading): void {
  const { context, object, pass, pageSize, records, startedMs } = reading;
  const { unread, total } = pass;
  const perRecord = (performance.now() - startedMs) / Math.max(1, records);
  context.emit({
    type: "page-landed",
    object: object.name,
    // The first answer tells the total; its page is read once more at the end.
    done: Math.max(1, Math.ceil((total - unread) / pageSize)),
    pages: Math.max(1, Math.ceil(total / pageSize)),
    records,
    newVersions: reading.writer.counts().newVersions,
    etaMs: pass.step === "down" && reading.pages > 1 ? Math.round(perRecord * unread) : undefined,
    budgetLeft: context.budget.left(),
  });
}
