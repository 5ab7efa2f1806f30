import { createHash } from "node:crypto";
import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import type { Model } from "./project.ts";
import type { Column } from "./table-diff.ts";

/** Raised when the engine itself creates relations in another way. */
const ENGINE_VERSION = "1";

function fingerprint(model: Model): string {
  return createHash("sha256").update(ENGINE_VERSION).update(model.text).digest("hex");
}

/** The relation stands in the database as this text created it. */
export async function isUnchanged(database: Queryable, model: Model): Promise<boolean> {
  const rows = await query(
    database,
    sql`
      select from elt.relations
      where relation = ${model.name} and fingerprint = ${fingerprint(model)}
        and to_regclass(${model.name}) is not null`,
  );
  return rows.length > 0;
}

/** Remembers the text that the relation was created from. */
export async function rememberText(database: Queryable, model: Model): Promise<void> {
  await execute(
    database,
    sql`
      insert into elt.relations (relation, fingerprint)
      values (${model.name}, ${fingerprint(model)})
      on conflict (relation) do update
      set fingerprint = excluded.fingerprint, updated_at = now()
      where elt.relations.fingerprint <> excluded.fingerprint`,
  );
}

/** Relations that stand in the database though no model of that name is left. */
export async function abandonedRelations(
  database: Queryable,
  models: readonly Model[],
): Promise<readonly string[]> {
  const rows = await query<{ relation: string }>(
    database,
    sql`
      select relation
      from elt.relations
      where not relation = any (${models.map((model) => model.name)}::text[])
        and to_regclass(relation) is not null
      order by relation`,
  );
  return rows.map((row) => row.relation);
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
