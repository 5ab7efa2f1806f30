import { execute, type Queryable, query, type SQLQuery, sql } from "../../extract/query.ts";

/** Loads of objects whose rows a relation does not hold yet, as the build's snapshot shows them. */
export type UnbuiltLoads = ReadonlyMap<string, readonly bigint[]>;

/**
 * The loads of each object that no earlier build of the relation found ended. A load that was
 * running then may have added rows since, so it is looked at again; one that ended cannot have.
 */
export async function unbuiltLoads(
  database: Queryable,
  relation: string,
  objects: ReadonlySet<string>,
): Promise<UnbuiltLoads> {
  if (objects.size === 0) return new Map();
  const rows = await query<{ objeto: string; loads: string[] }>(
    database,
    sql`
      select objeto, array_agg(load_id::text) as loads
      from elt.loads
      where objeto = any (${[...objects]}::text[])
        and not exists (
          select
          from elt.built_loads as built
          where built.relation = ${relation} and built.load_id = loads.load_id
        )
      group by objeto`,
  );
  return new Map(rows.map(({ objeto, loads }) => [objeto, loads.map(BigInt)]));
}

/** Remembers the loads that ended before the build's snapshot: their rows are in the relation. */
export async function rememberLoads(
  database: Queryable,
  relation: string,
  objects: ReadonlySet<string>,
): Promise<void> {
  if (objects.size === 0) return;
  await execute(
    database,
    sql`
      insert into elt.built_loads (relation, load_id)
      select ${relation}::text, load_id
      from elt.loads
      where objeto = any (${[...objects]}::text[]) and verdict <> 'running'
      on conflict do nothing`,
  );
}

/** A relation built from nothing knows of no load. */
export async function forgetLoads(database: Queryable, relation: string): Promise<void> {
  await execute(database, sql`delete from elt.built_loads where relation = ${relation}`);
}

/** A SELECT of the keys (conta, chave) that these loads brought, took away, or brought back. */
export function changedRecords(object: string, loads: readonly bigint[]): SQLQuery {
  const ids = sql`any (${loads.map(String)}::bigint[])`;
  return sql`
    select conta, chave
    from landing.${sql.ident(object)}
    where load_id = ${ids}
    union
    select conta, chave
    from elt.removals
    where objeto = ${object} and (removed_in = ${ids} or returned_in = ${ids})`;
}
