import { createKeySet } from "./key-set.ts";
import type { Load } from "./land.ts";
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

/** Opens a load. Creates the object's landing table when it is missing. */
export async function startLoad(
  database: Queryable,
  load: {
    readonly runId: bigint;
    readonly conta: string;
    readonly object: string;
    readonly mode: "full" | "incremental";
    readonly since: string | null;
  },
): Promise<Load> {
  await execute(database, sql`select landing.create_object(${load.object})`);
  const { conta, object } = load;
  const [row] = await query<{ load_id: string; empty: boolean }>(
    database,
    sql`
      insert into elt.loads (run_id, conta, objeto, mode, since)
      values (${load.runId}, ${conta}, ${object}, ${load.mode}, ${load.since}::timestamp)
      returning
        load_id::text,
        not exists (select from landing.${sql.ident(object)} where conta = ${conta}) as empty`,
  );
  return {
    conta,
    object,
    loadId: BigInt(row?.load_id ?? 0),
    nextSeq: 1n,
    onlyKeys: row?.empty ? createKeySet() : undefined,
  };
}

/** Loads of an account that a killed run left open; call it while holding the account's lock. */
export async function closeInterruptedLoads(database: Queryable, conta: string): Promise<void> {
  await execute(
    database,
    sql`
      update elt.loads
      set verdict = 'failed', finished_at = now(), error = 'interrupted'
      where conta = ${conta} and verdict = 'running'`,
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
