import { DatabaseError } from "pg";
import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import type { Model } from "./project.ts";
import type { RunningBuild } from "./running-build.ts";
import type { Column } from "./table-diff.ts";
import { withLockTimeout } from "./with-lock-timeout.ts";

const DEPENDENTS_EXIST = "2BP01";

/** A relation without a model, or a table of clear values whose model masks nothing any more. */
type Abandoned = { readonly relation: string; readonly kind: "table" | "view" };

/**
 * Tells of relations that stand in the database though no model of that name is left, or drops them
 * when readers may lose something. What people built on one keeps it alive.
 */
export async function removeAbandoned(
  { client, options, emit }: RunningBuild,
  models: readonly Model[],
): Promise<void> {
  const abandoned = await abandonedRelations(client, models);
  const kept: string[] = [];
  for (const { relation, kind } of abandoned) {
    if (options.allowDestructive !== true) {
      kept.push(relation);
      continue;
    }
    await withLockTimeout(client, [relation], async () => {
      await client.query("savepoint abandoned");
      try {
        const [schema = "", name = ""] = relation.split(".");
        const drop = sql.__dangerous__rawValue(`drop ${kind}`);
        await execute(client, sql`${drop} ${sql.ident(schema, name)}`);
        await execute(client, sql`delete from elt.relations where relation = ${relation}`);
        await execute(client, sql`delete from elt.built_loads where relation = ${relation}`);
        await client.query("release savepoint abandoned");
        emit({ type: "warning", message: `${relation} was dropped: its file is gone.` });
      } catch (error) {
        if (!(error instanceof DatabaseError) || error.code !== DEPENDENTS_EXIST) throw error;
        await client.query("rollback to savepoint abandoned");
        const message = `${relation} was not dropped, though its file is gone: ${error.detail ?? error.message}`;
        emit({ type: "warning", message });
      }
    });
  }
  if (kept.length > 0) {
    emit({
      type: "warning",
      message: `${kept.join(", ")} still stand in the database, with the rows of their last build, but their files are gone: drop them when nobody reads them any more, or build with --allow-destructive.`,
    });
  }
}

/** Relations whose model is gone, views first. */
export async function abandonedRelations(
  database: Queryable,
  models: readonly Model[],
): Promise<readonly Abandoned[]> {
  const masked = models.filter(({ header }) => header.pii.size > 0);
  return query<Abandoned>(
    database,
    sql`
      with candidates as (
        select relation
        from elt.relations
        where not relation = any (${models.map((model) => model.name)}::text[])
          and not starts_with(relation, 'seeds.')
        union
        select 'marts_pii.' || split_part(relation, '.', 2)
        from elt.relations
        where starts_with(relation, 'marts.')
          and not relation = any (${masked.map((model) => model.name)}::text[])
      )
      select relation, case relkind when 'v' then 'view' else 'table' end as kind
      from candidates
      inner join pg_class
        on pg_class.oid = to_regclass(quote_ident(split_part(relation, '.', 1)) || '.' || quote_ident(split_part(relation, '.', 2)))
      order by relkind desc, relation`,
  );
}

/** Writes the description and the column comments of a model's header into the database. */
export async function commentRelation(
  database: Queryable,
  model: Model,
  schema: string,
  columns: readonly Column[],
): Promise<void> {
  const kind = model.build;
  const name = `${schema}.${model.relation}`;
  const statements = await query<{ statement: string }>(
    database,
    sql`
      select format('comment on %s %s is %L', ${kind}::text, ${name}::regclass, ${model.header.description}::text) as statement
      union all
      select format('comment on column %s.%I is %L', ${name}::regclass, comments.name, comments.text)
      from unnest(
        ${columns.map((column) => column.name)}::text[],
        ${columns.map((column) => model.header.columns.get(column.name) ?? null)}::text[]
      ) as comments (name, text)`,
  );
  await database.query(statements.map((row) => row.statement).join(";\n"), []);
}
