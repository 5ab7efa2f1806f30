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
  if (!schema.startsWith("marts") || !columns.some(({ name }) => name === "conta")) return;
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

/** Gives the BI roles what they lack on the published schemas. Nothing is granted twice. */
export async function grantToBiRoles(database: Queryable): Promise<void> {
  for (const { role, schemas } of biRoles) {
    const exists = await query(database, sql`select from pg_roles where rolname = ${role}`);
    if (exists.length === 0) continue;
    const grants = await query<{ statement: string }>(
      database,
      sql`
        select format('grant usage on schema %I to %I', nspname, ${role}::text) as statement
        from pg_namespace
        where nspname = any (${schemas}::text[])
          and not has_schema_privilege(${role}, oid, 'usage')
        union all
        select format('grant select on %s to %I', oid::regclass, ${role}::text)
        from pg_class
        where relnamespace in (
            select oid from pg_namespace where nspname = any (${schemas}::text[])
          )
          and relkind in ('r', 'v', 'm', 'p')
          and pg_has_role(relowner, 'usage')
          and not has_table_privilege(${role}, oid, 'select')`,
    );
    for (const { statement } of grants) await database.query(statement, []);
  }
}
