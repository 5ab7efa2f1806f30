import type { Pool } from "pg";
import { query, sql } from "../../extract/query.ts";
import { checkGuards } from "../guardrail/check-guards.ts";
import { headerProblems } from "./check-header.ts";
import { checkModel, type LineageOf } from "./check-model.ts";
import { checkSingularTests } from "./check-singular-tests.ts";
import { checkTests } from "./check-tests.ts";
import { type Draft, quoted, withDraft } from "./draft.ts";
import { type Lineage, type ModelLineage, projectLineage } from "./lineage.ts";
import { orderModels } from "./order.ts";
import type { ModelProblem } from "./problem.ts";
import type { Model, Project } from "./project.ts";
import { runUnitTest } from "./run-unit-tests.ts";
import { columnsOf } from "./table-diff.ts";

/** Every problem of a project, and the models that could not be looked at because of one. */
export type CheckedProject = {
  readonly problems: readonly ModelProblem[];
  readonly unchecked: readonly string[];
  /** How many tests with given and expected rows ran. */
  readonly unitTests: number;
};

/**
 * Finds every problem of a project in one pass: texts, names, order, then PostgreSQL's own check of
 * each SELECT and each test in throw-away schemas, in a transaction that is rolled back.
 * Nothing that is published is locked or changed.
 */
export async function checkProject(pool: Pool, project: Project): Promise<CheckedProject> {
  const { order, problems: orderProblems } = orderModels(project);
  const problems = [...project.problems, ...orderProblems];
  const unreadable = new Set([
    ...orderProblems.map((problem) => problem.file),
    ...order.filter((model) => model.tree === undefined).map((model) => model.file),
  ]);
  let followed: Lineage | undefined;
  // Only a problem needs it: to name what was meant, or to stand in for a broken model.
  const lineageOf = (model: Model): ModelLineage | undefined => {
    followed ??= projectLineage(project, order);
    return followed.get(model.name);
  };
  const unchecked: string[] = [];
  let unitTests = 0;
  await withDraft(pool, project, async (draft) => {
    const found = await checkModels(draft, order, lineageOf, unreadable, namesOfTwo(project));
    problems.push(...found.problems);
    unchecked.push(...found.unchecked);
    const columns = await columnsByRelation(draft);
    for (const model of order) {
      const own = columns.get(model.name);
      if (own === undefined || found.standIns.has(model.name)) continue;
      const header = headerProblems(model, own, (name) =>
        found.standIns.has(name) ? undefined : columns.get(name),
      );
      problems.push(...header);
      if (found.guessed.has(model.name)) continue;
      const wrong = new Set(header.map(({ position }) => position.line));
      const tests = model.header.tests.filter(
        ({ line, rule }) =>
          !wrong.has(line) &&
          (rule.kind !== "references" ||
            (columns.has(rule.target) && !found.guessed.has(rule.target))),
      );
      problems.push(...(await checkTests(draft, model, tests)));
      problems.push(...(await checkGuards(draft, model, own)));
      for (const test of project.unitTests) {
        if (test.model !== model.name) continue;
        unitTests++;
        problems.push(...(await runUnitTest(draft, model, test)));
      }
    }
    problems.push(...(await checkSingularTests(draft, project.tests, unreadable)));
  });
  return { problems: sorted(problems), unchecked, unitTests };
}

type CheckedModels = Omit<CheckedProject, "unitTests"> & {
  /** Models that stand in the draft, but not as their files say. */
  readonly guessed: ReadonlySet<string>;
  /** Those of them of which not even the text could be used. */
  readonly standIns: ReadonlySet<string>;
};

async function checkModels(
  draft: Draft,
  order: readonly Model[],
  lineageOf: LineageOf,
  unreadable: ReadonlySet<string>,
  twice: ReadonlySet<string>,
): Promise<CheckedModels> {
  const problems: ModelProblem[] = [];
  const unchecked: string[] = [];
  const guessed = new Set<string>();
  const standIns = new Set<string>();
  const missing = new Set<string>();
  for (const model of order) {
    const reads = model.references.map(({ schema, relation }) => `${schema}.${relation}`);
    const blocked =
      unreadable.has(model.file) ||
      twice.has(model.name) ||
      reads.some((name) => missing.has(name));
    if (blocked) {
      if (!unreadable.has(model.file) && !twice.has(model.name)) unchecked.push(model.name);
    } else {
      const trusted = reads.some((name) => guessed.has(name)) ? "guessed" : "trusted";
      const checked = await checkModel(draft, model, lineageOf, trusted);
      problems.push(...checked.problems);
      if (checked.stands === "sound") continue;
      guessed.add(model.name);
      if (checked.stands === "repaired") continue;
    }
    // Of two files of one name nobody knows which is meant.
    const stands = !twice.has(model.name) && (await createStandIn(draft, model, lineageOf));
    if (stands) standIns.add(model.name);
    (stands ? guessed : missing).add(model.name);
  }
  return { problems, unchecked, guessed, standIns };
}

/** Names that two files have. */
function namesOfTwo({ models }: Project): ReadonlySet<string> {
  const names = models.map(({ name }) => name);
  return new Set(names.filter((name, i) => names.indexOf(name) !== i));
}

/**
 * A table with the columns that a broken model's text names, of the types that are published, so
 * that what reads it can be looked at. False when the text does not even name its columns.
 */
async function createStandIn(draft: Draft, model: Model, lineageOf: LineageOf): Promise<boolean> {
  const names = new Set(lineageOf(model)?.columns.map(({ name }) => name));
  if (names.size === 0) return false;
  const published = await columnsOf(draft.client, model.name);
  const types = new Map(published.map(({ name, type }) => [name, type]));
  const columns = [...names].map((name) => `${quoted(name)} ${types.get(name) ?? "text"}`);
  const table = quoted(draft.schemaOf(model.schema), model.relation);
  await draft.client.query(`create table ${table} (${columns.join(", ")})`);
  return true;
}

/** Columns of everything in the draft, under the names that the models have. */
async function columnsByRelation(draft: Draft): Promise<ReadonlyMap<string, readonly string[]>> {
  const schemas = ["staging", "seeds", "marts"];
  const rows = await query<{ schema: string; relation: string; columns: string[] }>(
    draft.client,
    sql`
      select
        schema,
        relname as relation,
        array_agg(attname::text order by attnum) as columns
      from unnest(
        ${schemas}::text[], ${schemas.map(draft.schemaOf)}::text[]
      ) as drafts (schema, draft)
      inner join pg_namespace on nspname = draft
      inner join pg_class on relnamespace = pg_namespace.oid
      inner join pg_attribute on attrelid = pg_class.oid
      where attnum > 0 and not attisdropped and relkind in ('r', 'v')
      group by schema, relname`,
  );
  return new Map(rows.map(({ schema, relation, columns }) => [`${schema}.${relation}`, columns]));
}

function sorted(problems: readonly ModelProblem[]): readonly ModelProblem[] {
  const byPlace = (a: ModelProblem, b: ModelProblem) =>
    a.file.localeCompare(b.file) ||
    a.position.line - b.position.line ||
    a.position.column - b.position.column;
  return [...problems].sort(byPlace);
}
