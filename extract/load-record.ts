import type { Load } from "./land.ts";
import { execute, type Queryable, query, sql } from "./query.ts";

/** What a scan leaves in `elt.loads` as evidence. */
export type LoadEvidence = {
  readonly verdict: "proven" | "unproven" | "failed" | "stopped";
  /** Passes of the scan until now, over all the loads that went on with it. */
  readonly passes: number;
  /** Pages and records that this load read. */
  readonly pages: number;
  readonly pageSize: number;
  /** What the last answer counted. */
  readonly total: number;
  /** Keys that the pass read, over all the loads that went on with it. */
  readonly distinctKeys: number;
  readonly records: number;
  readonly newVersions: number;
  readonly error: string | null;
  /** The scan that it went on with, when that has several pages. */
  readonly scanId: string | undefined;
};

/** Opens a load. Creates the object's landing table when it is missing. */
export async function startLoad(
  database: Queryable,
  load: {
    readonly runId: bigint;
    readonly conta: string;
    readonly object: string;
    readonly mode: "full" | "incremental" | "backfill" | "quarantine";
    readonly since: string | undefined;
    readonly until: string | undefined;
  },
): Promise<Load> {
  await execute(database, sql`select landing.create_object(${load.object})`);
  const { conta, object } = load;
  const [row] = await query<{ load_id: string }>(
    database,
    sql`
      insert into elt.loads (run_id, conta, objeto, mode, since, until)
      values (
        ${load.runId}, ${conta}, ${object}, ${load.mode}, ${load.since ?? null}::timestamp,
        ${load.until ?? null}::timestamp
      )
      returning load_id::text`,
  );
  return {
    conta,
    object,
    loadId: BigInt(row?.load_id ?? 0),
    nextSeq: 1n,
    scanId: undefined,
    seenKeys: undefined,
  };
}

/**
 * Gives a load a new number when others of its object began after it: versions are ordered by the
 * numbers of their loads, so what lands last must have the highest. What it landed under the former
 * number stays, as a load that was stopped. Call it while holding the landing lock.
 * @returns its number from now on
 */
export async function numberAboveOthers(database: Queryable, load: Load): Promise<bigint> {
  const [row] = await query<{ load_id: string }>(
    database,
    sql`
      with overtaken as (
        update elt.loads
        set
          finished_at = now(),
          verdict = 'stopped',
          scan_id = ${load.scanId ?? null},
          error = 'another load of the object began meanwhile: a later one goes on with this'
        where load_id = ${load.loadId}
          and exists (
            select
            from elt.loads as other
            where other.conta = ${load.conta} and other.objeto = ${load.object}
              and other.load_id > ${load.loadId}
          )
        returning run_id, conta, objeto, mode, since, until, started_at
      )
      insert into elt.loads (run_id, conta, objeto, mode, since, until, started_at)
      select run_id, conta, objeto, mode, since, until, started_at
      from overtaken
      returning load_id::text`,
  );
  return row === undefined ? load.loadId : BigInt(row.load_id);
}

/** What landing holds of an object of an account. */
export async function landingState(
  database: Queryable,
  { conta, object }: { readonly conta: string; readonly object: string },
): Promise<{ readonly empty: boolean; readonly live: boolean }> {
  const [row] = await query<{ empty: boolean; live: boolean }>(
    database,
    sql`
      select
        not exists (select from landing.${sql.ident(object)} where conta = ${conta}) as empty,
        exists (select from landing.${sql.ident(`${object}_atual`)} where conta = ${conta}) as live`,
  );
  return row ?? { empty: true, live: false };
}

/**
 * Loads of an account that a killed run left open; call it while holding the lock of those runs:
 * the daily ones, or the backfills.
 */
export async function closeInterruptedLoads(
  database: Queryable,
  conta: string,
  of: "daily" | "backfill" = "daily",
): Promise<void> {
  await execute(
    database,
    sql`
      update elt.loads
      set verdict = 'failed', finished_at = now(), error = 'interrupted'
      where conta = ${conta} and verdict = 'running'
        and (mode = 'backfill') = ${of === "backfill"}`,
  );
}

/** Writes down how a load ended. */
export async function finishLoad(
  database: Queryable,
  loadId: bigint,
  evidence: LoadEvidence,
): Promise<void> {
  await execute(
    database,
    sql`
      update elt.loads
      set
        finished_at = now(),
        verdict = ${evidence.verdict},
        scan_id = ${evidence.scanId ?? null},
        page_size = ${evidence.pageSize},
        passes = ${evidence.passes},
        pages = ${evidence.pages},
        total = ${evidence.total},
        distinct_keys = ${evidence.distinctKeys},
        records = ${evidence.records},
        new_versions = ${evidence.newVersions},
        error = ${evidence.error}
      where load_id = ${loadId}`,
  );
}
