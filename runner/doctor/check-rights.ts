import type { Pool } from "pg";
import { query, sql } from "../../extract/query.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

const ownSchemas = ["elt", "landing", "staging", "seeds", "marts", "marts_pii"];
const biRoles = ["bi_reader", "bi_reader_pii"];

type Rights = {
  readonly login: string;
  readonly database: string;
  readonly may_create_schemas: boolean;
  readonly may_create_roles: boolean;
  /** Those of our schemas that this user can do nothing in. */
  readonly foreign_schemas: string[];
  readonly foreign_owner: string | null;
  readonly roles: string[];
  /** Of the roles there are, those that this user may take on. */
  readonly own_roles: string[];
};

/** Looks at what the database's user may do: build schemas, make roles, read as they do. */
export async function checkRights(pool: Pool): Promise<readonly Finding[]> {
  const [rights] = await query<Rights>(
    pool,
    sql`
      select
        current_user::text as login,
        current_database()::text as database,
        has_database_privilege(current_database(), 'create') as may_create_schemas,
        own.rolsuper or own.rolcreaterole as may_create_roles,
        array(
          select nspname::text
          from pg_namespace
          where nspname = any (${ownSchemas}::text[])
            and not pg_has_role(current_user, nspowner, 'usage')
          order by nspname
        ) as foreign_schemas,
        (
          select pg_get_userbyid(min(nspowner::bigint)::oid)::text
          from pg_namespace
          where nspname = any (${ownSchemas}::text[])
            and not pg_has_role(current_user, nspowner, 'usage')
        ) as foreign_owner,
        array(
          select rolname::text from pg_roles where rolname = any (${biRoles}::text[])
        ) as roles,
        array(
          select rolname::text
          from pg_roles
          where rolname = any (${biRoles}::text[]) and pg_has_role(current_user, oid, 'member')
        ) as own_roles
      from pg_roles as own
      where own.rolname = current_user`,
  );
  return rights === undefined ? [] : [checkSchemas(rights), checkRoles(rights)];
}

function checkSchemas(rights: Rights): Finding {
  const { login, database, foreign_schemas, foreign_owner, may_create_schemas } = rights;
  const check = "rights";
  if (foreign_schemas.length > 0) {
    return fail(
      check,
      `Schemas ${foreign_schemas.join(", ")} belong to "${foreign_owner}", and "${login}" is no member of it.`,
      `Log in as "${foreign_owner}" in DATABASE_URL, or let it run: grant "${foreign_owner}" to "${login}";`,
    );
  }
  return may_create_schemas
    ? ok(check, `"${login}" may build in database "${database}".`)
    : fail(
        check,
        `"${login}" may not create schemas in database "${database}".`,
        `Let its owner run: grant create on database "${database}" to "${login}";`,
      );
}

function checkRoles({ login, roles, own_roles, may_create_roles }: Rights): Finding {
  const check = "roles for BI";
  const missing = biRoles.filter((role) => !roles.includes(role));
  if (missing.length > 0) {
    return may_create_roles
      ? ok(check, `${missing.join(" and ")} will be made by the next build.`)
      : warn(
          check,
          `${missing.join(" and ")} are missing, and "${login}" may not create roles: BI tools have no login of their own.`,
          `Let an administrator run: ${missing.map((role) => `create role ${role} nologin; grant ${role} to "${login}";`).join(" ")}`,
        );
  }
  const strange = roles.filter((role) => !own_roles.includes(role));
  return strange.length === 0
    ? ok(check, "bi_reader and bi_reader_pii are there, and the API reads as they do.")
    : warn(
        check,
        `"${login}" is no member of ${strange.join(" and ")}: the API cannot read as ${strange.length === 1 ? "it does" : "they do"}.`,
        `Let an administrator run: ${strange.map((role) => `grant ${role} to "${login}";`).join(" ")}`,
      );
}
