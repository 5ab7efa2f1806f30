import { execute, type Queryable, sql } from "../../extract/query.ts";

/** Lets the next build look at these loads as if none had; also at those that were pruned. */
export async function buildAgain(
  database: Queryable,
  { conta, object }: { readonly conta: string; readonly object: string },
  loads: readonly string[],
): Promise<void> {
  if (loads.length === 0) return;
  await execute(
    database,
    sql`
      insert into elt.loads (
        load_id, conta, objeto, mode, verdict, started_at, finished_at, error
      )
      overriding system value
      select load_id, ${conta}, ${object}, 'full', 'stopped', now(), now(), 'its record was pruned'
      from unnest(${loads}::bigint[]) as load_id
      on conflict do nothing`,
  );
  await execute(
    database,
    sql`delete from elt.built_loads where load_id = any (${loads}::bigint[])`,
  );
}
