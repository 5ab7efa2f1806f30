import { execute, type Queryable, query, sql } from "./query.ts";

/** What a scan leaves in `elt.loads` as evidence. */
export type LoadEvidence = {
  readonly verdict: "proven" | "unproven" | "failed";
  readonly passes: number;
  readonly pages: number;
  /** The total that every page reported; null when they disagreed. */
  readonly total: number | null;
  readonly distinctKeys: number;
  readonly records: number;
  readonly newVersions: number;
  readonly error: string | null;
};

/** Opens a load and gives its number. Creates the object's landing table when it is missing. */
export async function startLoad(
  database: Queryable,
  load: {
    readonly runId: bigint;
    readonly conta: string;
    readonly object: string;
    readonly mode: "full" | "incremental";
    readonly since: string | null;
  },
): Promise<bigint> {
  await execute(database, sql`select landing.create_object(${load.object})`);
  const [row] = await query<{ load_id: string }>(
    database,
    sql`
      insert into elt.loads (run_id, conta, objeto, mode, since)
      values (
        ${load.runId}, ${load.conta}, ${load.object}, ${load.mode}, ${load.since}::timestamp
      )
      returning load_id::text`,
  );
  return BigInt(row?.load_id ?? 0);
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
