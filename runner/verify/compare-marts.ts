import type { Pool } from "pg";
import { execute, query, type SQLQuery, sql } from "../../extract/query.ts";
import { inputsOf, readStates } from "../models/build-state.ts";
import { createViewText, type Draft, fillSeed, quoted, withDraft } from "../models/draft.ts";
import { fingerprintsOf } from "../models/fingerprint.ts";
import { readKnownFunctions } from "../models/known-functions.ts";
import { changedRecords, unbuiltLoads } from "../models/landing-changes.ts";
import { columnExpressions, targetsOf } from "../models/masked-columns.ts";
import { orderOf } from "../models/order.ts";
import type { Model, Project } from "../models/project.ts";
import { applyEdits, referenceEdits } from "../models/rename-references.ts";
import { runModel } from "../models/run-model.ts";
import { changedModels, changedSeeds } from "../models/stale-models.ts";
import { columnsOf } from "../models/table-diff.ts";

/** A relation as it is published, against a fresh computation of everything. */
export type RelationComparison = {
  readonly relation: string;
  readonly rows: number;
  /** Rows that the fresh computation has and the published relation has not. */
  readonly missing: number;
  /** The other way round. */
  readonly extra: number;
  /** Rows of the same key with other values. Of views, which have no key, 0: they are two rows. */
  readonly changed: number;
  /** Keys of the first of them. */
  readonly keys: readonly Readonly<Record<string, unknown>>[];
};

export type MartsComparison =
  /** There is something to build first; each a sentence. */
  | { readonly status: "behind"; readonly because: readonly string[] }
  | { readonly status: "compared"; readonly relations: readonly RelationComparison[] };

const SHOWN_KEYS = 5;

/**
 * Computes every model from what is landed, whole, in throw-away schemas, and compares each table and
 * view with what is published: row by row, cell by cell. Nothing that is published is locked or
 * changed. Call it while nothing is built.
 */
export async function compareMarts(pool: Pool, project: Project): Promise<MartsComparison> {
  const order = orderOf(project);
  return withDraft(
    pool,
    project,
    async (draft) => {
      await draft.client.query("set local jit = off");
      const because = await whatIsBehind(draft, project, order);
      if (because.length > 0) return { status: "behind", because };
      for (const seed of project.seeds) await fillSeed(draft, seed);
      const relations: RelationComparison[] = [];
      for (const seed of project.seeds) {
        relations.push(await compareRows(draft, seed.name, seed.relation));
      }
      for (const model of order) relations.push(...(await compareModel(draft, model)));
      return { status: "compared", relations };
    },
    { snapshot: "one" },
  );
}

/** What a build would bring: differences that it explains would say nothing. */
async function whatIsBehind(
  { client }: Draft,
  project: Project,
  order: readonly Model[],
): Promise<readonly string[]> {
  const because: string[] = [];
  const changed = await changedModels(client, project);
  if (changed.size > 0) because.push(`${[...changed].join(", ")} changed since they were built`);
  const seeds = await changedSeeds(client, project);
  if (seeds.length > 0) {
    because.push(`${seeds.map(({ name }) => name).join(", ")} changed since they were built`);
  }
  const states = await readStates(client);
  const fingerprintOf = fingerprintsOf(project, await readKnownFunctions(client));
  const [today] = await query<{ day: string }>(client, sql`select elt.hoje()::text as day`);
  const unbuilt = new Set<string>();
  for (const model of order) {
    if (model.build !== "table" || changed.has(model.name)) continue;
    const day = states.get(model.name)?.day;
    if (fingerprintOf(model).clock === "day" && day !== today?.day) {
      because.push(`${model.name} depends on the date and was built on ${day}`);
    }
    const { objects } = inputsOf(model, project);
    for (const [object, loads] of await unbuiltLoads(client, model.name, objects)) {
      const rows = await query(client, sql`${changedRecords(object, loads)} limit 1`);
      if (rows.length > 0) unbuilt.add(object);
    }
  }
  if (unbuilt.size > 0) {
    because.push(`records of ${[...unbuilt].join(", ")} were landed since and are not built`);
  }
  return because;
}

async function compareModel(draft: Draft, model: Model): Promise<readonly RelationComparison[]> {
  const { client, schemaOf } = draft;
  const edited = applyEdits(
    model.select,
    referenceEdits(model, ({ schema = "" }) => schemaOf(schema)),
  );
  if (model.build === "view") {
    await client.query(createViewText(draft, model) + edited.text);
    return [await compareRows(draft, model.name, model.relation)];
  }
  const table = quoted(schemaOf(model.schema), model.relation);
  const clear = quoted(schemaOf(model.schema), `${model.relation} clear`);
  const isMasked = model.header.pii.size > 0;
  const built = isMasked ? clear : table;
  await runModel(client, model, { before: `create table ${built} as`, edited });
  const comparisons: RelationComparison[] = [];
  for (const target of targetsOf(model, await columnsOf(client, built))) {
    if (target === undefined) continue;
    const isMain = target.schema === model.schema;
    const fresh = isMain ? table : clear;
    if (isMain && isMasked) {
      const columns = columnExpressions(target);
      await execute(
        client,
        sql`create table ${raw(table)} as select ${columns} from ${raw(clear)} as built`,
      );
    }
    await client.query(`analyze ${fresh}`);
    const names = target.columns.map(({ name }) => name);
    const published = `${target.schema}.${model.relation}`;
    comparisons.push(await compareKeys(draft, model, { published, fresh, names }));
  }
  return comparisons;
}

/** Two tables by their key, in the columns that the published one has. */
async function compareKeys(
  { client }: Draft,
  model: Model,
  {
    published,
    fresh,
    names,
  }: { readonly published: string; readonly fresh: string; readonly names: readonly string[] },
): Promise<RelationComparison> {
  const { key, pii } = model.header;
  const of = (alias: string, names: readonly string[]) =>
    sql.join(
      names.map((name) => sql.ident(alias, name)),
      ", ",
    );
  const sameKey = sql.join(
    key.map((name) => sql`${sql.ident("fresh", name)} = ${sql.ident("published", name)}`),
    " AND ",
  );
  const [first = "conta"] = key;
  const shownKey = key
    .filter((name) => !pii.has(name))
    .map(
      (name) =>
        sql`${name}::text, coalesce(${sql.ident("fresh", name)}, ${sql.ident("published", name)})`,
    );
  const [schema = "", relation = ""] = published.split(".");
  const rows = await query<{ how: string; count: number; keys: Record<string, unknown>[] }>(
    client,
    sql`
      select how, count(*)::int as count, (json_agg(key) filter (where place <= ${SHOWN_KEYS})) as keys
      from (
        select
          how, key, row_number() over (partition by how) as place
        from (
          select
            case
              when ${sql.ident("published", first)} is null then 'missing'
              when ${sql.ident("fresh", first)} is null then 'extra'
              else 'changed'
            end as how,
            json_build_object(${sql.join(shownKey, ", ")}) as key
          from ${raw(fresh)} as fresh
          full join ${sql.ident(schema, relation)} as published on ${sameKey}
          where ${sql.ident("published", first)} is null or ${sql.ident("fresh", first)} is null
            or row(${of("fresh", names)}) is distinct from row(${of("published", names)})
        ) as differing
      ) as numbered
      group by how`,
  );
  const count = (how: string) => rows.find((row) => row.how === how)?.count ?? 0;
  return {
    relation: published,
    rows: await countRows({ client }, fresh),
    missing: count("missing"),
    extra: count("extra"),
    changed: count("changed"),
    keys: rows.flatMap(({ keys }) => keys ?? []).slice(0, SHOWN_KEYS),
  };
}

/** Two relations without a key, as bags of rows. */
async function compareRows(
  { client, schemaOf }: Draft,
  name: string,
  relation: string,
): Promise<RelationComparison> {
  const [schema = ""] = name.split(".");
  const fresh = quoted(schemaOf(schema), relation);
  const columns = sql.join(
    (await columnsOf(client, fresh)).map((column) => sql.ident(column.name)),
    ", ",
  );
  const [row] = await query<{ missing: number; extra: number }>(
    client,
    sql`
      with fresh as materialized (select ${columns} from ${raw(fresh)}),
      published as materialized (select ${columns} from ${sql.ident(schema, relation)})
      select
        (select count(*)::int from (table fresh except all table published) as m) as missing,
        (select count(*)::int from (table published except all table fresh) as e) as extra`,
  );
  return {
    relation: name,
    rows: await countRows({ client }, fresh),
    missing: row?.missing ?? 0,
    extra: row?.extra ?? 0,
    changed: 0,
    keys: [],
  };
}

async function countRows({ client }: Pick<Draft, "client">, table: string): Promise<number> {
  const [row] = await query<{ n: number }>(
    client,
    sql`select count(*)::int as n from ${raw(table)}`,
  );
  return row?.n ?? 0;
}

/** A name that is quoted already. */
function raw(name: string): SQLQuery {
  return sql.__dangerous__rawValue(name);
}
