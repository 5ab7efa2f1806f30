import type { CvdwObject } from "./catalogue.ts";
import { execute, type Queryable, query, sql } from "./query.ts";
import {
  brasiliaWallClock,
  formatWallClock,
  minutesBefore,
  parseWallClock,
  type WallClock,
} from "./wall-clock.ts";

/** What the next scan of an object asks for. */
export type ScanPlan =
  | { readonly mode: "full" }
  | { readonly mode: "incremental"; readonly cursor: WallClock; readonly dateOnly: boolean };

/** Clocks differ and transactions commit late: each scan reads this much again. */
const OVERLAP_MINUTES = 60;
const ONE_DAY_MINUTES = 24 * 60;
/** Edits that the date filter hides are found by reading everything again this often. */
const FULL_AGAIN_HOURS = { editsHidden: 24, editsShown: 7 * 24 };

/** Decides between a full and an incremental scan from what is remembered of the last ones. */
export async function planScan(
  database: Queryable,
  scan: {
    readonly conta: string;
    readonly object: CvdwObject;
    readonly pageSize: number;
    readonly now: Date;
  },
): Promise<ScanPlan> {
  const { conta, object } = scan;
  const [state] = await query<{
    cursor_at: string | null;
    date_only: boolean;
    last_full_at: Date | null;
    last_total: string | null;
  }>(
    database,
    sql`
      select
        to_char(cursors.cursor_at, 'YYYY-MM-DD HH24:MI:SS') as cursor_at,
        cursors.date_only,
        cursors.last_full_at,
        (
          select loads.total
          from elt.loads
          where loads.conta = cursors.conta and loads.objeto = cursors.objeto
            and loads.mode = 'full' and loads.verdict = 'proven'
          order by loads.load_id desc
          limit 1
        ) as last_total
      from elt.cursors
      where cursors.conta = ${conta} and cursors.objeto = ${object.name}`,
  );
  if (!state?.cursor_at || state.last_full_at === null) return { mode: "full" };
  const cursor = parseWallClock(state.cursor_at);
  if (cursor === undefined) return { mode: "full" };
  const hoursSinceFull = (scan.now.getTime() - state.last_full_at.getTime()) / 3_600_000;
  const onePage = Number(state.last_total ?? Number.POSITIVE_INFINITY) <= scan.pageSize;
  const limit = object.editsHidden ? FULL_AGAIN_HOURS.editsHidden : FULL_AGAIN_HOURS.editsShown;
  if (hoursSinceFull >= limit || (object.editsHidden && onePage)) return { mode: "full" };
  return { mode: "incremental", cursor, dateOnly: state.date_only };
}

/** The value of `a_partir_data_referencia`: a date alone is asked one day back. */
export function sinceParameter(plan: ScanPlan): string | undefined {
  if (plan.mode === "full") return undefined;
  if (!plan.dateOnly) return formatWallClock(plan.cursor);
  return formatWallClock(minutesBefore(plan.cursor, ONE_DAY_MINUTES)).slice(0, 10);
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
      update elt.cursors set date_only = true
      where conta = ${scan.conta} and objeto = ${scan.object}`,
  );
}
