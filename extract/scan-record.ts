import type { Pool } from "pg";
import type { SeenKeys } from "./land.ts";
import { newPass, type PageRange, type Pass, resumedPass } from "./pass.ts";
import { execute, type Queryable, query, sql } from "./query.ts";
import { parseWallClock, type WallClock } from "./wall-clock.ts";

/** What a scan reads: the same for every run that goes on with it. */
export type ScanRange = {
  readonly conta: string;
  readonly object: string;
  readonly mode: "full" | "incremental" | "backfill";
  /** As sent to the source. */
  readonly since: string | undefined;
  readonly until: string | undefined;
};

/** A scan of several pages, as the database knows it. */
export type ScanRecord = ScanRange & {
  readonly scanId: string;
  /** When its first run began, by the clock of the extraction. */
  readonly startedAt: Date;
};

/** Where an earlier run left a scan. */
export type ScanProgress = {
  readonly pass: Pass;
  readonly passes: number;
  /** Pages of the pass that are landed. */
  readonly pages: number;
  readonly distinctKeys: number;
  readonly newestSeen: WallClock | undefined;
};

/** A page that is landed, as the scan's evidence. */
export type ScanPage = PageRange & {
  /** Its place in the order of the answers, from 0. */
  readonly ordinal: number;
  readonly records: number;
  readonly total: number;
  /** The newest date in it that can be true. */
  readonly newest: string | undefined;
};

/** The scans of an object that an earlier run left unfinished, the oldest first. */
export async function openScans(
  database: Queryable,
  of: { readonly conta: string; readonly object: string },
): Promise<readonly ScanRecord[]> {
  const rows = await query<{
    scan_id: string;
    mode: ScanRange["mode"];
    since: string | null;
    until: string | null;
    started_at: Date;
  }>(
    database,
    sql`
      select scan_id::text, mode, since, until, started_at
      from elt.scans
      where conta = ${of.conta} and objeto = ${of.object}
      order by scan_id`,
  );
  return rows.map((row) => ({
    ...of,
    scanId: row.scan_id,
    mode: row.mode,
    since: row.since ?? undefined,
    until: row.until ?? undefined,
    startedAt: row.started_at,
  }));
}

/** Writes down that a scan began, so that another run can go on with it. */
export async function openScan(
  database: Pool,
  range: ScanRange & { readonly startedAt: Date },
): Promise<ScanRecord> {
  const [row] = await query<{ scan_id: string }>(
    database,
    sql`
      insert into elt.scans (conta, objeto, mode, since, until, started_at)
      values (
        ${range.conta}, ${range.object}, ${range.mode}, ${range.since ?? null},
        ${range.until ?? null}, ${range.startedAt}
      )
      returning scan_id::text`,
  );
  const scanId = row?.scan_id ?? "0";
  await execute(database, sql`select elt.open_scan_keys(${scanId}::bigint)`);
  return { ...range, scanId };
}

/** The table of the keys that the scan's pass has read. */
export function keysTable({ scanId }: { readonly scanId: string }): string {
  return `scan_keys_${scanId}`;
}

/**
 * Where to go on with a scan. Pages that were landed out of order before a crash are read again; a
 * scan whose keys were lost in a crash of the database begins its pass anew. Call it while nobody
 * else lands the object.
 * @returns undefined when the scan has ended
 */
export async function readProgress(
  database: Pool,
  scan: ScanRecord,
): Promise<ScanProgress | undefined> {
  const found = await execute(
    database,
    sql`select elt.open_scan_keys(scan_id) from elt.scans where scan_id = ${scan.scanId}`,
  );
  if (found === 0) return undefined;
  const rows = await query<{
    pass: number;
    ordinal: number | null;
    page: number;
    page_size: number;
    total: string;
    newest: string | null;
    distinct_keys: string;
  }>(
    database,
    sql`
      select
        scans.pass, pages.ordinal, pages.page, pages.page_size, pages.total::text,
        to_char(pages.newest, 'YYYY-MM-DD HH24:MI:SS') as newest,
        (select count(*) from elt.${sql.ident(keysTable(scan))})::text as distinct_keys
      from elt.scans
      left join elt.scan_pages as pages on pages.scan_id = scans.scan_id
      where scans.scan_id = ${scan.scanId}
      order by pages.ordinal`,
  );
  const passes = rows[0]?.pass ?? 1;
  const distinctKeys = Number(rows[0]?.distinct_keys ?? 0);
  const landed = rows.flatMap((row) =>
    row.ordinal === null
      ? []
      : [
          {
            ordinal: row.ordinal,
            page: row.page,
            size: row.page_size,
            total: Number(row.total),
            newest: row.newest === null ? undefined : parseWallClock(row.newest),
          },
        ],
  );
  const { pass, pages } = distinctKeys === 0 ? { pass: newPass, pages: 0 } : resumedPass(landed);
  await execute(
    database,
    sql`delete from elt.scan_pages where scan_id = ${scan.scanId} and ordinal >= ${pages}`,
  );
  const newestSeen = landed
    .slice(0, pages)
    .reduce<WallClock | undefined>(
      (newest, page) => ((page.newest ?? 0n) > (newest ?? 0n) ? page.newest : newest),
      undefined,
    );
  return { pass, passes, pages, distinctKeys, newestSeen };
}

/** Writes down landed pages; call it in the transaction that lands them. */
export async function recordPages(
  client: Queryable,
  scanId: string,
  pages: readonly ScanPage[],
): Promise<void> {
  const rows = pages.map(
    (page) =>
      sql`(
        ${scanId}::bigint, ${page.ordinal}::integer, ${page.page}::integer, ${page.size}::integer,
        ${page.records}::integer, ${page.total}::bigint, ${page.newest ?? null}::timestamp
      )`,
  );
  if (rows.length === 0) return;
  await execute(
    client,
    sql`
      insert into elt.scan_pages (scan_id, ordinal, page, page_size, records, total, newest)
      values ${sql.join(rows, ",")}`,
  );
}

/** Begins another pass: what the last one read is forgotten, what it landed stays. */
export async function nextPass(database: Queryable, scanId: string): Promise<void> {
  await execute(database, sql`select elt.next_scan_pass(${scanId}::bigint)`);
}

/** Ends a scan: read whole, given up, or replaced by another. */
export async function closeScan(database: Queryable, scanId: string): Promise<void> {
  await execute(database, sql`select elt.close_scan(${scanId}::bigint)`);
}

/** The keys of a scan's first pass, when the account had nothing of the object before. */
export function seenKeys(scan: ScanRecord, options: { readonly coverLanding: boolean }): SeenKeys {
  return { table: keysTable(scan), coverLanding: options.coverLanding };
}
