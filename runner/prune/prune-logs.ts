import { execute, type Queryable, query, type SQLQuery, sql } from "../../extract/query.ts";

/** Rows of a table that went, or would. */
export type Pruned = { readonly what: string; readonly rows: number };

/** Days that the engine's own tables remember. */
export type LogRules = {
  readonly changes: number;
  readonly requests: number;
  /** Runs with their results and failing rows, loads, drift, incidents that ended, what left quarantine. */
  readonly logs: number;
};

/** Rows of one transaction: nobody waits for its locks. */
export const PRUNE_BATCH = 5_000;
/** Runs that stay whatever their age: `elt status` and `elt retry` look at them. */
const RUNS_KEPT = 50;

type Target = { readonly table: string; readonly key: string; readonly where: SQLQuery };

function targetsOf({ changes, requests, logs }: LogRules): readonly Target[] {
  const before = (days: number) => sql`now() - make_interval(days => ${days}::integer)`;
  return [
    { table: "changes", key: "change_id", where: sql`changed_at < ${before(changes)}` },
    { table: "requests", key: "request_id", where: sql`sent_at < ${before(requests)}` },
    { table: "drift", key: "drift_id", where: sql`seen_at < ${before(logs)}` },
    { table: "quarantine", key: "quarantine_id", where: sql`resolved_at < ${before(logs)}` },
    // Their messages go with them. What was told of drift goes after the drift itself.
    { table: "incidents", key: "incident_id", where: sql`closed_at < ${before(logs)}` },
    { table: "loads", key: "load_id", where: oldLoad(before(logs)) },
    { table: "runs", key: "run_id", where: oldRun(before(logs)) },
  ];
}

/**
 * A load that every relation built from its object holds, and that nothing is asked of any more: the
 * two newest of each kind and verdict tell how far an object has been read, and the one in which a
 * record came into quarantine tells, with the others of its scan, whether the record was read again.
 */
function oldLoad(before: SQLQuery): SQLQuery {
  return sql`
    started_at < ${before} and verdict <> 'running'
    and 2 <= (
      select count(*)
      from elt.loads as later
      where later.conta = doomed.conta and later.objeto = doomed.objeto
        and later.mode = doomed.mode and later.verdict = doomed.verdict
        and later.load_id > doomed.load_id
    )
    and not exists (
      select
      from elt.scans
      where scans.scan_id = doomed.scan_id
    )
    and not exists (
      select
      from elt.quarantine as held
      where held.conta = doomed.conta and held.objeto = doomed.objeto
        and held.load_id = doomed.load_id and held.resolved_at is null
    )
    and not exists (
      select
      from (
        select distinct built.relation
        from elt.built_loads as built
        inner join elt.loads as of_object using (load_id)
        where of_object.objeto = doomed.objeto
      ) as reader
      where not exists (
        select
        from elt.built_loads as has
        where has.relation = reader.relation and has.load_id = doomed.load_id
      )
    )`;
}

/** A publication that is the newest stays, and so does its run. */
function oldRun(before: SQLQuery): SQLQuery {
  return sql`
    started_at < ${before} and finished_at is not null
    and run_id < (
      select coalesce(min(run_id), 0)
      from (select run_id from elt.runs order by run_id desc limit ${RUNS_KEPT}) as kept
    )
    and run_id not in (
      select run_id from elt.publications order by publication_id desc limit 1
    )`;
}

/** Lets old rows of the engine's tables go, a batch at a time, or only counts them. */
export async function pruneLogs(
  database: Queryable,
  rules: LogRules,
  how: "count" | "delete",
): Promise<readonly Pruned[]> {
  const pruned: Pruned[] = [];
  for (const { table, key, where } of targetsOf(rules)) {
    const relation = sql.ident("elt", table);
    let rows = 0;
    if (how === "count") {
      const [row] = await query<{ n: number }>(
        database,
        sql`select count(*)::int as n from ${relation} as doomed where ${where}`,
      );
      rows = row?.n ?? 0;
    } else {
      let deleted: number;
      do {
        deleted = await execute(
          database,
          sql`
            delete from ${relation}
            where ${sql.ident(key)} in (
              select ${sql.ident(key)} from ${relation} as doomed where ${where} limit ${PRUNE_BATCH}
            )`,
        );
        rows += deleted;
      } while (deleted === PRUNE_BATCH);
    }
    pruned.push({ what: `elt.${table}`, rows });
  }
  if (how === "delete") {
    await execute(
      database,
      sql`
        delete from elt.built_loads
        where not exists (select from elt.loads where loads.load_id = built_loads.load_id)`,
    );
  }
  return pruned;
}
