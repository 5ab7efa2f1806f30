import type { CvdwObject } from "./catalogue.ts";
import { execute, type Queryable, query, sql } from "./query.ts";
import type { ScanOptions } from "./scan-options.ts";
import {
  brasiliaWallClock,
  formatWallClock,
  minutesBefore,
  parseWallClock,
  type WallClock,
} from "./wall-clock.ts";

/** What the next scan of an object asks for. */
export type ScanPlan = {
  readonly mode: "full" | "incremental" | "backfill";
  /** As the source is asked, `YYYY-MM-DD[ HH:MM:SS]`. */
  readonly since: string | undefined;
  readonly until: string | undefined;
  /** The account takes dates without a time for this object. */
  readonly dateOnly: boolean;
  readonly pageSize: number;
  /** How often the rows may be passed over before the scan counts as unproven. */
  readonly maxPasses: number;
};

/** An object that could not be proven last time, in all its passes, gets one until it is. */
const MAX_PASSES = { usual: 3, afterUnproven: 1 };
/** Clocks differ and transactions commit late: each scan reads this much again. */
const OVERLAP_MINUTES = 60;
const ONE_DAY_MINUTES = 24 * 60;
/**
 * Edits that the date filter hides are found by reading everything again this often. The first full
 * scan is repeated soon, because nothing can be compared with it.
 */
const FULL_AGAIN_HOURS = { editsHidden: 24, firstScan: 24, otherwise: 7 * 24 };

type ScanState = {
  readonly cursor_at: string | null;
  readonly date_only: boolean;
  readonly page_size: number | null;
  readonly last_full_at: Date | null;
  readonly last_total: string | null;
  readonly full_scans: number;
};

async function passesFor(database: Queryable, conta: string, object: string): Promise<number> {
  const [last] = await query<{ verdict: string }>(
    database,
    sql`
      select verdict
      from elt.loads
      where conta = ${conta} and objeto = ${object} and verdict in ('proven', 'unproven')
        and mode in ('full', 'incremental')
      order by load_id desc
      limit 1`,
  );
  return last?.verdict === "unproven" ? MAX_PASSES.afterUnproven : MAX_PASSES.usual;
}

/** Decides between a full and an incremental scan from what is remembered of the last ones. */
export async function planScan(
  database: Queryable,
  scan: {
    readonly conta: string;
    readonly object: CvdwObject;
    readonly options: ScanOptions;
    readonly now: Date;
  },
): Promise<ScanPlan> {
  const { options } = scan;
  const state = await readState(database, scan.conta, scan.object.name);
  const maxPasses = await passesFor(database, scan.conta, scan.object.name);
  const dateOnly = state?.date_only ?? false;
  const pageSize = Math.min(options.pageSize, state?.page_size ?? options.pageSize);
  if (options.range !== undefined) {
    const backfill = { mode: "backfill", ...options.range, dateOnly: false } as const;
    return withDateMode({ ...backfill, pageSize, maxPasses }, dateOnly);
  }
  const everything = { mode: "full", since: undefined, until: undefined } as const;
  const full = { ...everything, dateOnly, pageSize, maxPasses };
  if (options.full || !state?.cursor_at || fullIsDue(state, scan)) return full;
  const plan = { ...full, mode: "incremental", since: state.cursor_at, dateOnly: false } as const;
  return withDateMode(plan, dateOnly);
}

async function readState(
  database: Queryable,
  conta: string,
  object: string,
): Promise<ScanState | undefined> {
  const [state] = await query<ScanState>(
    database,
    sql`
      select
        to_char(cursors.cursor_at, 'YYYY-MM-DD HH24:MI:SS') as cursor_at,
        cursors.date_only,
        cursors.page_size,
        cursors.last_full_at,
        full_scan.total as last_total,
        coalesce(full_scan.scans, 0)::integer as full_scans
      from elt.cursors
      left join lateral (
        select (array_agg(total order by load_id desc))[1] as total, count(*) as scans
        from elt.loads
        where loads.conta = cursors.conta and loads.objeto = cursors.objeto
          and loads.mode = 'full' and loads.verdict = 'proven'
      ) as full_scan on true
      where cursors.conta = ${conta} and cursors.objeto = ${object}`,
  );
  return state;
}

function fullIsDue(
  state: ScanState,
  { object, options, now }: { object: CvdwObject; options: ScanOptions; now: Date },
): boolean {
  if (state.last_full_at === null) return true;
  const hoursSinceFull = (now.getTime() - state.last_full_at.getTime()) / 3_600_000;
  const onePage = Number(state.last_total ?? Number.POSITIVE_INFINITY) <= options.pageSize;
  if (object.editsHidden && (onePage || hoursSinceFull >= FULL_AGAIN_HOURS.editsHidden))
    return true;
  const again =
    state.full_scans < 2 && !onePage ? FULL_AGAIN_HOURS.firstScan : FULL_AGAIN_HOURS.otherwise;
  return hoursSinceFull >= again;
}

/** The plan for an account that takes only dates: from a day earlier on, since days have no hour. */
export function withDateMode(plan: ScanPlan, dateOnly: boolean): ScanPlan {
  if (!dateOnly || plan.dateOnly) return plan;
  const since = plan.since === undefined ? undefined : parseWallClock(plan.since);
  return {
    ...plan,
    dateOnly: true,
    since:
      since === undefined
        ? plan.since
        : formatWallClock(minutesBefore(since, ONE_DAY_MINUTES)).slice(0, 10),
    until: plan.until?.slice(0, 10),
  };
}

/**
 * Moves the cursor after a proven scan, inside the transaction that stores its last page:
 * the earlier of the scan's start and the newest date seen, minus an overlap, never backwards.
 */
export async function moveCursor(
  database: Queryable,
  scan: {
    readonly conta: string;
    readonly object: string;
    readonly loadId: bigint;
    readonly mode: "full" | "incremental";
    /** When the scan's first run began. */
    readonly startedAt: Date;
    readonly newestSeen: WallClock | undefined;
  },
): Promise<void> {
  const start = brasiliaWallClock(scan.startedAt);
  const { newestSeen } = scan;
  const reached = newestSeen === undefined || newestSeen < start ? newestSeen : start;
  const cursor =
    reached === undefined ? null : formatWallClock(minutesBefore(reached, OVERLAP_MINUTES));
  const fullAt = scan.mode === "full" ? scan.startedAt : null;
  await execute(
    database,
    sql`
      insert into elt.cursors (conta, objeto, cursor_at, last_full_at, load_id)
      values (
        ${scan.conta}, ${scan.object}, ${cursor}::timestamp, ${fullAt}::timestamptz,
        ${scan.loadId}
      )
      on conflict (conta, objeto) do update
      set
        cursor_at = greatest(elt.cursors.cursor_at, excluded.cursor_at),
        last_full_at = coalesce(excluded.last_full_at, elt.cursors.last_full_at),
        load_id = excluded.load_id,
        updated_at = now()`,
  );
}

/** Remembers that this account takes dates without a time for this object. */
export async function rememberDateOnly(
  database: Queryable,
  scan: { readonly conta: string; readonly object: string },
): Promise<void> {
  await execute(
    database,
    sql`
      insert into elt.cursors (conta, objeto, date_only)
      values (${scan.conta}, ${scan.object}, true)
      on conflict (conta, objeto) do update set date_only = true`,
  );
}

/** Remembers a page size smaller than the one configured, or forgets it. */
export async function rememberPageSize(
  database: Queryable,
  scan: { readonly conta: string; readonly object: string; readonly pageSize: number | undefined },
): Promise<void> {
  const pageSize = scan.pageSize ?? null;
  await execute(
    database,
    sql`
      insert into elt.cursors (conta, objeto, page_size)
      values (${scan.conta}, ${scan.object}, ${pageSize})
      on conflict (conta, objeto) do update set page_size = ${pageSize}`,
  );
}
