import { execute, type SQLQuery, sql } from "../../extract/query.ts";
import { headerProblems } from "./check-header.ts";
import type { RestrictedInput } from "./key-locality.ts";
import type { ModelPlan } from "./plan-model.ts";
import { ModelError } from "./problem.ts";
import type { Model } from "./project.ts";
import { applyEdits, type EditedText, referenceEdits } from "./rename-references.ts";
import { restrictedRows, restrictInputs } from "./restrict-inputs.ts";
import { runModel } from "./run-model.ts";
import type { RunningBuild } from "./running-build.ts";
import type { Reference } from "./select.ts";
import { type Column, columnsOf } from "./table-diff.ts";
import { todayEdits } from "./today-edits.ts";

/** What computing rows needs to know of a build. */
export type Computing = Pick<RunningBuild, "client" | "standIns" | "temporaryName"> & {
  /** The day that `elt.hoje()` is, when it is not today. */
  readonly asOf?: string | undefined;
};

/** Computed rows, and which part of the published rows they stand for. */
export type BuiltRows = {
  readonly table: SQLQuery;
  readonly columns: readonly Column[];
  readonly count: number;
  /** The keys that were computed: a table `k1`, `k2`… of these columns. Undefined: all of them. */
  readonly keys: { readonly table: SQLQuery; readonly columns: readonly string[] } | undefined;
};

/**
 * Computes a model's rows into a temporary table: all of them, or those of the changed keys.
 * @throws ModelError when the text fails, or its header names columns that it does not give
 */
export async function computeRows(
  build: Computing,
  model: Model,
  plan: Exclude<ModelPlan, { how: "unchanged" }>,
): Promise<BuiltRows> {
  const { client } = build;
  const name = build.temporaryName("rows");
  const table = sql.ident("pg_temp", name);
  const restricted = plan.how === "incremental" ? await restrict(build, model, plan) : undefined;
  let count = await runModel(client, model, {
    before: `create temporary table ${name} on commit drop as`,
    edited: restricted?.text ?? wholeText(build, model),
  });
  await execute(client, sql`analyze ${table}`);
  const columns = await columnsOf(client, `pg_temp.${name}`);
  assertHeaderColumns(model, columns);
  if (restricted === undefined) return { table, columns, count, keys: undefined };
  count -= await dropOtherKeys(build, table, restricted.keys);
  return { table, columns, count, keys: restricted.keys };
}

/** A text with the names of relations that stand elsewhere, and with its day when that is not today. */
export function wholeText(
  build: Pick<Computing, "standIns" | "asOf">,
  model: Pick<Model, "text" | "select" | "references" | "tree">,
): EditedText {
  return applyEdits(model.select, [
    ...referenceEdits(model, standInOf(build)),
    ...todayEdits(model, build.asOf),
  ]);
}

function standInOf({
  standIns,
}: Pick<RunningBuild, "standIns">): (reference: Reference) => string | undefined {
  return ({ schema, relation }) => standIns.get(`${schema}.${relation}`);
}

type Restricted = {
  readonly text: EditedText;
  readonly keys: { readonly table: SQLQuery; readonly columns: readonly string[] };
};

/**
 * Puts the rows of the changed keys of each restricted input into a table of its own, so that the
 * planner knows how few they are: over subqueries it guesses, and a wrong guess among several joins
 * costs more than computing everything. Of a single input, which meets nothing but lookups, the rows
 * are read where they are.
 * @returns undefined when the text cannot be restricted after all: then all of it is computed
 */
async function restrict(
  build: Computing,
  model: Model,
  { locality, keys }: Extract<ModelPlan, { how: "incremental" }>,
): Promise<Restricted | undefined> {
  const { client, standIns } = build;
  const tables = new Map<string, string>();
  for (const input of locality.inputs) {
    const known = `${input.relation} ${input.columns.join()}`;
    if (tables.has(known)) continue;
    const rows = restrictedRows(input, `pg_temp.${keys.name}`, standIns.get(input.relation));
    if (locality.inputs.length === 1) {
      tables.set(known, rows);
      continue;
    }
    const name = build.temporaryName("input");
    await client.query(`create temporary table ${name} on commit drop as ${rows}`);
    await client.query(`analyze pg_temp.${name}`);
    tables.set(known, `pg_temp.${name}`);
  }
  const rowsOf = (input: RestrictedInput) =>
    tables.get(`${input.relation} ${input.columns.join()}`) ?? "";
  const text = restrictInputs(model, locality.inputs, rowsOf, standInOf(build));
  return text === undefined
    ? undefined
    : { text, keys: { table: sql.ident("pg_temp", keys.name), columns: locality.columns } };
}

/** Rows of other keys come from inputs that are not restricted: they are not all there is of them. */
async function dropOtherKeys(
  build: Computing,
  table: SQLQuery,
  keys: Restricted["keys"],
): Promise<number> {
  const matches = keys.columns.map(
    (column, index) => sql`${sql.ident("k", `k${index + 1}`)} = ${sql.ident("built", column)}`,
  );
  return execute(
    build.client,
    sql`
      delete from ${table} as built
      where not exists (select from ${keys.table} as k where ${sql.join(matches, " AND ")})`,
  );
}

/** Columns that readers can name, and all those that the header names. */
export function assertHeaderColumns(model: Model, columns: readonly Column[]): void {
  const problems = headerProblems(
    model,
    columns.map(({ name }) => name),
  );
  if (problems.length > 0) throw new ModelError(problems);
}
