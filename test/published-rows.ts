import type { Pool } from "pg";

/** Every row of every table and view that models make, as texts in order. */
export async function publishedRows(
  pool: Pool,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const { rows: relations } = await pool.query<{ name: string }>(`
    select format('%I.%I', nspname, relname) as name
    from pg_class
    inner join pg_namespace on pg_namespace.oid = relnamespace
    where nspname in ('staging', 'seeds', 'marts', 'marts_pii') and relkind in ('r', 'v')
    order by 1`);
  const found: Record<string, readonly string[]> = {};
  for (const { name } of relations) {
    const { rows } = await pool.query<{ row: string }>(
      `select one::text as row from ${name} as one order by 1`,
    );
    found[name] = rows.map(({ row }) => row);
  }
  return found;
}
