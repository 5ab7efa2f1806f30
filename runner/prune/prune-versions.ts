import type { PoolClient } from "pg";
import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import { PRUNE_BATCH, type Pruned } from "./prune-logs.ts";

/** Which versions of a record may go. */
export type VersionRule = {
  /** What was superseded so long ago: a recomputation as of any day since is not affected. */
  readonly days: number;
  /** So many newest versions of each record stay whatever their age; at least one. */
  readonly keep: number;
};

/**
 * Lets old versions of an object go, a batch at a time. Of each record the oldest go first and the
 * newest never, so the chain of versions keeps its end, and what staging reads stays what it was.
 */
export async function pruneVersions(
  client: PoolClient,
  object: string,
  rule: VersionRule,
  how: "count" | "delete",
): Promise<Pruned> {
  const what = `landing.${object}`;
  await execute(client, sql`drop table if exists pg_temp.elt_doomed`);
  const rows = await collectDoomed(client, object, rule);
  if (how === "count" || rows === 0) return { what, rows };
  for (let from = 0; from < rows; from += PRUNE_BATCH) {
    await execute(
      client,
      sql`
        delete from landing.${sql.ident(object)} as version
        using pg_temp.elt_doomed as doomed
        where doomed.place > ${from} and doomed.place <= ${from + PRUNE_BATCH}
          and version.conta = doomed.conta and version.chave = doomed.chave
          and version.load_id = doomed.load_id and version.seq = doomed.seq`,
    );
  }
  return { what, rows };
}

/** A version goes with all that came before it, as soon as the one after it is old enough. */
async function collectDoomed(
  client: PoolClient,
  object: string,
  { days, keep }: VersionRule,
): Promise<number> {
  const table = sql`landing.${sql.ident(object)}`;
  const rows = await execute(
    client,
    sql`
      create temporary table elt_doomed as
      with chained as (
        select distinct conta, chave
        from ${table}
        where supersedes_load_id is not null
      ),
      aged as (
        select
          conta, chave, load_id, seq,
          row_number() over newest_first as age,
          lag(landed_at) over newest_first as superseded_at
        from ${table}
        inner join chained using (conta, chave)
        window newest_first as (partition by conta, chave order by load_id desc, seq desc)
      ),
      judged as (
        select
          *,
          min(superseded_at) filter (where age > ${keep})
            over (partition by conta, chave order by age) as old_since
        from aged
      )
      select
        conta, chave, load_id, seq,
        row_number() over (order by conta, chave, load_id, seq) as place
      from judged
      where age > ${keep} and old_since < now() - make_interval(days => ${days})`,
  );
  await execute(client, sql`analyze pg_temp.elt_doomed`);
  return rows;
}

/** Tables of landing. */
export async function landingTables(database: Queryable): Promise<readonly string[]> {
  const rows = await query<{ name: string }>(
    database,
    sql`
      select relname as name
      from pg_class
      where relnamespace = 'landing'::regnamespace and relkind = 'r'
      order by relname`,
  );
  return rows.map(({ name }) => name);
}
