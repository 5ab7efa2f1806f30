import type { Pool } from "pg";

/**
 * Rows that were replaced stay on the disk until their space is given back, and samples of them in
 * the planner's statistics until those are made anew.
 */
export async function vacuumTouched(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ statement: string }>(`
    select format('vacuum (analyze) %I.%I', nspname, relname) as statement
    from pg_class
    inner join pg_namespace on pg_namespace.oid = relnamespace
    where relkind = 'r'
      and (
        nspname in ('landing', 'staging', 'seeds', 'marts', 'marts_pii', 'elt')
        or nspname in (select unnest(schemas) from elt.environments)
      )
      and pg_has_role(relowner, 'usage')`);
  for (const { statement } of rows) await pool.query(statement);
}
