import { execute, type SQLQuery, sql } from "../../extract/query.ts";
import { inputsOf } from "../models/build-state.ts";
import { keyLocality, type LookupInput } from "../models/key-locality.ts";
import { changedRecords, type UnbuiltLoads } from "../models/landing-changes.ts";
import { landingObjectOf } from "../models/order.ts";
import type { Model } from "../models/project.ts";
import { changeOf, placeOf, type RunningBuild } from "../models/running-build.ts";
import { oldColumn } from "../models/table-delta.ts";
import { columnsOf } from "../models/table-diff.ts";

/** Rows of a relation that rest on records which changed in the source. */
export type Touched =
  | { readonly kind: "none" }
  /** Any of them may. */
  | { readonly kind: "all" }
  /** Those with these values of `columns`, as texts: a table with the columns `k1`, `k2`…. */
  | { readonly kind: "keys"; readonly table: SQLQuery; readonly columns: readonly string[] };

const none: Touched = { kind: "none" };
const all: Touched = { kind: "all" };

/** What is known of the time since the rows were published last. */
export type Since = {
  /** Loads that came since, by object. */
  readonly loads: UnbuiltLoads;
  /**
   * Neither a text, a function nor a mapping changed since: then what cannot be followed by keys
   * has no other cause than the source. Otherwise only a row's own records count as its cause.
   */
  readonly isOnlySource: boolean;
};

/**
 * Follows changed records from landing to the rows of a model by the keys that the proofs of
 * incremental builds rest on: a row's own records, and where nothing but the source changed also
 * what it looks up. Works on what the running build has made so far.
 */
export async function traceSource(
  build: RunningBuild,
  model: Model,
  since: Since,
): Promise<Touched> {
  const byName = new Map(build.project.models.map((one) => [one.name, one]));
  const done = new Map<string, Touched>();
  const trace = async (relation: string): Promise<Touched> => {
    const known = done.get(relation);
    if (known !== undefined) return known;
    const read = byName.get(relation);
    const touched = read === undefined ? none : await traceModel({ build, since, trace }, read);
    done.set(relation, touched);
    return touched;
  };
  return trace(model.name);
}

type Tracing = {
  readonly build: RunningBuild;
  readonly since: Since;
  readonly trace: (relation: string) => Promise<Touched>;
};

async function traceModel(tracing: Tracing, model: Model): Promise<Touched> {
  const { build, since, trace } = tracing;
  const locality = keyLocality(model, build.project);
  const untraceable = () => (since.isOnlySource ? anyTouched(tracing, model) : none);
  if (!locality.keyLocal) return untraceable();
  const queries: SQLQuery[] = [];
  for (const { relation, columns } of locality.inputs) {
    if (relation.startsWith("landing.")) {
      const object = landingObjectOf(relation.slice("landing.".length));
      const ids = since.loads.get(object);
      if (ids === undefined) continue;
      if (columns.some((column) => column !== "conta" && column !== "chave")) return untraceable();
      queries.push(sql`
        select ${textsOf(columns.map((column) => sql.ident("changed", column)))}
        from (${changedRecords(object, ids)}) as changed`);
      continue;
    }
    const touched = await trace(relation);
    if (touched.kind === "all") return all;
    if (touched.kind === "keys")
      queries.push(...(await valuesOf(build, relation, touched, columns)));
  }
  if (since.isOnlySource) {
    for (const { relation, lookups } of locality.whole) {
      const looked = await lookedUp(tracing, relation, lookups);
      if (looked === "all") return all;
      queries.push(...looked);
    }
  }
  return keysOf(build, locality.columns, queries);
}

/** Whether anything that a model reads was touched; which of its rows were is not known. */
async function anyTouched({ build, since, trace }: Tracing, model: Model): Promise<Touched> {
  const { tables, objects } = inputsOf(model, build.project);
  for (const object of objects) if (since.loads.has(object)) return all;
  for (const table of tables) if ((await trace(table)).kind !== "none") return all;
  return none;
}

async function lookedUp(
  { build, since, trace }: Tracing,
  relation: string,
  lookups: readonly LookupInput[],
): Promise<"all" | readonly SQLQuery[]> {
  if (relation.startsWith("landing.")) {
    return since.loads.has(landingObjectOf(relation.slice("landing.".length))) ? "all" : [];
  }
  const touched = await trace(relation);
  const isUnchanged = changeOf(build, relation).status === "unchanged";
  if (touched.kind === "none" || isUnchanged) return [];
  if (touched.kind === "all" || lookups.length === 0) return "all";
  const queries: SQLQuery[] = [];
  for (const { columns, through, throughColumns } of lookups) {
    const [schema = "", name = ""] = through.relation.split(".");
    const values = await valuesOf(build, relation, touched, columns);
    const met = (names: readonly string[]) =>
      textsOf(names.map((column) => sql.ident("met", column)));
    queries.push(sql`
      select ${met(through.columns)}
      from ${placeOf(build, schema, name)} as met
      where (${met(throughColumns)}) in (${sql.join([...values], sql` union `)})`);
  }
  return queries;
}

/** Values that the touched rows of a relation have now, and those that they had before. */
async function valuesOf(
  build: RunningBuild,
  relation: string,
  touched: Touched & { readonly kind: "keys" },
  columns: readonly string[],
): Promise<readonly SQLQuery[]> {
  const [schema = "", name = ""] = relation.split(".");
  const from = (place: SQLQuery): SQLQuery => {
    const own = touched.columns.map((column) => sql.ident("present", column));
    return sql`
      select ${textsOf(columns.map((column) => sql.ident("present", column)))}
      from ${place} as present
      inner join ${touched.table} as touched on ${sameAsTouched(own)}`;
  };
  const queries = [from(placeOf(build, schema, name))];
  const change = changeOf(build, relation);
  if (change.status === "rows") {
    const { table, key } = change.delta;
    const before = (column: string): SQLQuery =>
      sql.ident("delta", key.includes(column) ? column : oldColumn(column));
    queries.push(sql`
      select ${textsOf(columns.map(before))}
      from ${table} as delta
      inner join ${touched.table} as touched on ${sameAsTouched(touched.columns.map(before))}
      where delta.elt_action <> 'add'`);
  } else if (build.standIns.has(relation)) {
    // It waits with other columns: what is published still shows the values of before.
    const published = await columnsOf(build.client, relation);
    const isThere = (column: string) => published.some((one) => one.name === column);
    if ([...columns, ...touched.columns].every(isThere)) {
      queries.push(from(sql.ident(schema, name)));
    }
  }
  return queries;
}

/** These expressions, one per column, equal a row of a `touched` table. */
export function sameAsTouched(expressions: readonly SQLQuery[]): SQLQuery {
  const matches = expressions.map(
    (expression, index) => sql`${textOf(expression)} = ${sql.ident("touched", `k${index + 1}`)}`,
  );
  return sql.join(matches, " AND ");
}

/** Values as texts of one collation: inputs may carry a key in different types. */
function textsOf(expressions: readonly SQLQuery[]): SQLQuery {
  return sql.join(expressions.map(textOf), ", ");
}

function textOf(expression: SQLQuery): SQLQuery {
  return sql`${expression}::text collate "C"`;
}

async function keysOf(
  { client, temporaryName }: RunningBuild,
  columns: readonly string[],
  queries: readonly SQLQuery[],
): Promise<Touched> {
  if (queries.length === 0) return none;
  const names = columns.map((_, index) => sql.ident(`k${index + 1}`));
  const table = temporaryName("touched");
  const count = await execute(
    client,
    sql`
      create temporary table ${sql.ident(table)} on commit drop as
      select distinct *
      from (${sql.join([...queries], sql` union all `)}) as keys (${sql.join(names, ", ")})`,
  );
  if (count === 0) return none;
  await execute(client, sql`analyze ${sql.ident("pg_temp", table)}`);
  return { kind: "keys", table: sql.ident("pg_temp", table), columns };
}
