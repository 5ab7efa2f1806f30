import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import type { Column } from "./table-diff.ts";

/** True for the rows of accounts that the current user may read; asked once per query. */
export const visibleAccountText =
  "(select elt.contas_visiveis()) is null or conta = any ((select elt.contas_visiveis())::text[])";

/** Roles that BI logins are made members of, and the schemas each may read. */
const biRoles = [
  { role: "bi_reader", schemas: ["marts"] },
  { role: "bi_reader_pii", schemas: ["marts", "marts_pii"] },
] as const;

/**
 * Row-level access by account on a table. The owner, which builds and publishes, is exempt. Views
 * run as their owner before PostgreSQL 15, so they carry the same condition themselves.
 */
export async function protectRows(
  database: Queryable,
  schema: string,
  relation: string,
  columns: readonly Column[],
): Promise<void> {
  if (!columns.some(({ name }) => name === "conta")) return;
  const table = sql.ident(schema, relation);
  await execute(database, sql`alter table ${table} enable row level security`);
  const condition = sql.__dangerous__rawValue(visibleAccountText);
  await execute(database, sql`create policy por_conta on ${table} for select using (${condition})`);
}

/**
 * Creates the BI roles when the user may, outside any transaction.
 * @returns the roles that are missing and could not be created
 */
export async function ensureBiRoles(database: Queryable): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const { role } of biRoles) {
    const exists = await query(database, sql`select from pg_roles where rolname = ${role}`);
    if (exists.length > 0) continue;
    try {
      await execute(database, sql`create role ${sql.ident(role)} nologin`);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      // Another process created it in between (42710, 23505), or the user lacks CREATEROLE (42501).
      if (code === "42501") missing.push(role);
      else if (code !== "42710" && code !== "23505") throw error;
    }
  }
  return missing;
}

/**
 * Lets each BI role read the relations that it was never given: new ones, or all when the role is
 * new. What an administrator revoked since, or put into these schemas, is left alone.
 */
export async function grantToBiRoles(database: Queryable): Promise<void> {
  for (const { role, schemas } of biRoles) {
    const grants = await query<{ statement: string }>(
      database,
      sql`
        with published as (
          update elt.relations
          set granted_to = granted_to || ${role}::text
          where relation like 'marts.%'
            and not ${role}::text = any (granted_to)
            and exists (select from pg_roles where rolname = ${role})
          returning split_part(relation, '.', 2) as relname
        )
        select distinct format('grant usage on schema %I to %I', schema, ${role}::text) as statement
        from published
        cross join unnest(${schemas}::text[]) as schema
        union all
        select format('grant select on %I.%I to %I', schema, relname, ${role}::text)
        from published
        cross join unnest(${schemas}::text[]) as schema
        where to_regclass(format('%I.%I', schema, relname)) is not null`,
    );
    for (const { statement } of grants) await database.query(statement, []);
  }
}

/** A relation created anew has no grants yet. */
export async function forgetGrants(database: Queryable, relation: string): Promise<void> {
  await execute(
    database,
    sql`update elt.relations set granted_to = '{}' where relation = ${relation}`,
  );
}
