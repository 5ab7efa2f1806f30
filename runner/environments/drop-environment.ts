import type { Pool } from "pg";
import { findObject } from "../../extract/catalogue.ts";
import { connect } from "../../extract/connection.ts";
import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import { quoted } from "../models/draft.ts";
import { landingObjectOf } from "../models/order.ts";
import { withLockTimeout } from "../models/with-lock-timeout.ts";
import { refusing } from "./drop-table.ts";
import { type Environment, requireEnvironment, schemaIn } from "./environment.ts";

/**
 * Drops what an environment made: its tables, views and schemas, and what is remembered of it.
 * Nothing that somebody else made goes with them.
 * @returns the schemas that went
 * @throws ConfigError when there is no such environment, or naming what somebody else put into its
 * schemas or on its tables
 * @throws InfrastructureError when one of its tables is in use for a minute
 */
export async function dropEnvironment(pool: Pool, name: string): Promise<readonly string[]> {
  const { client, release } = await connect(pool);
  try {
    await client.query("begin");
    const environment = await requireEnvironment(client, name);
    const { tables, views } = await relationsOf(client, environment);
    const schemas = environment.schemas.map((schema) => quoted(schema));
    const drops = [
      ...(views.length > 0 ? [`drop view ${views.join(", ")}`] : []),
      ...(tables.length > 0 ? [`drop table ${tables.join(", ")}`] : []),
      ...(schemas.length > 0 ? [`drop schema ${schemas.join(", ")}`] : []),
    ];
    await withLockTimeout(client, [...tables, ...views], (beforeWaiting) =>
      refusing(`The environment ${name} was not dropped`, async () => {
        for (const drop of drops) {
          await beforeWaiting();
          await client.query(drop);
        }
      }),
    );
    await execute(client, sql`delete from elt.environments where name = ${name}`);
    await client.query("commit");
    return environment.schemas;
  } finally {
    await client.query("rollback").catch(() => undefined);
    release();
  }
}

type Relations = { readonly tables: readonly string[]; readonly views: readonly string[] };

/** What an environment made and still stands, quoted: recorded tables, and its views of landing. */
async function relationsOf(
  database: Queryable,
  { name, schemas }: Environment,
): Promise<Relations> {
  const rows = await query<{ schema: string; relation: string; kind: string }>(
    database,
    sql`
      with recorded as (
        select relation
        from elt.environment_relations
        where environment = ${name}
        union
        select 'marts_pii.' || split_part(relation, '.', 2)
        from elt.environment_relations
        where environment = ${name} and starts_with(relation, 'marts.')
      )
      select nspname as schema, relname as relation, relkind as kind
      from pg_class
      inner join pg_namespace on pg_namespace.oid = relnamespace
      where nspname = any (${schemas}::text[])
        and (
          relkind = 'r'
          and nspname || '.' || relname in (
            select ${schemaIn(name, "")}::text || relation from recorded
          )
          or relkind = 'v' and nspname = ${schemaIn(name, "landing")}
        )
      order by nspname, relname`,
  );
  const isOwnView = ({ relation }: { readonly relation: string }) =>
    findObject(landingObjectOf(relation)) !== undefined;
  const named = (kind: string) => rows.filter((row) => row.kind === kind);
  const nameOf = (row: { readonly schema: string; readonly relation: string }) =>
    quoted(row.schema, row.relation);
  return { tables: named("r").map(nameOf), views: named("v").filter(isOwnView).map(nameOf) };
}
