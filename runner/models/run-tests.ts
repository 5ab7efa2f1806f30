import { DatabaseError, type PoolClient } from "pg";
import { query, type SQLQuery, sql } from "../../extract/query.ts";
import type { ModelTest } from "./model-test.ts";
import { type IsPersonal, personalIn } from "./personal-sources.ts";
import { excerpt, headerValue } from "./position.ts";
import { ModelError, type ModelProblem } from "./problem.ts";
import type { Model, Project } from "./project.ts";
import { explainFailure, modelErrorOf } from "./run-model.ts";
import type { Reference } from "./select.ts";
import type { TestResult } from "./test-failure.ts";
import { testOver } from "./test-over.ts";
import type { TestRows } from "./test-rows.ts";

/** A test as SQL: the rows to look at, and the condition under which one of them fails. */
export type CompiledTest = {
  readonly test: ModelTest;
  /** Relation of the tested rows, alias `tested`. */
  readonly from: SQLQuery;
  readonly scan: "rows" | "landing" | "own";
  readonly fails: SQLQuery;
  /** Columns shown of a failing row, besides the key. */
  readonly shown: readonly string[];
};

/** Rows of a sample that are kept in the database; a person is shown fewer. */
const SAMPLE_ROWS = 100;

/** What tests look at, when it is not the whole of what is published. */
export type TestView = {
  /** Where relations stand. */
  readonly name: RelationName;
  /** The schema of a relation that does not stand where it is published. */
  readonly schemaOf: (reference: Reference) => string | undefined;
  readonly rowsOf: (test: ModelTest) => Promise<TestRows>;
  /** Columns that samples leave out, besides those that the model itself calls personal. */
  readonly isPersonal: IsPersonal;
};

/** All rows of what is published. */
export function everything(project: Project): TestView {
  return {
    name: (schema, relation) => sql.ident(schema, relation),
    schemaOf: () => undefined,
    rowsOf: async () => ({ kind: "all" }),
    isPersonal: personalIn(project),
  };
}

/**
 * Runs the tests of a model inside the client's transaction. Tests that look at one row at a time
 * share one scan; the rows that fail are fetched only for tests that found some. A test that has
 * no row to look at is left out.
 * @throws ModelError when a test's own SQL is wrong
 */
export async function runTests(
  client: PoolClient,
  model: Model,
  { name, schemaOf, rowsOf, isPersonal }: TestView,
): Promise<TestResult[]> {
  const batches = new Map<string, CompiledTest[]>();
  for (const test of model.header.tests) {
    const rows = await rowsOf(test);
    if (rows.kind === "none") continue;
    const own = await testOver(test, schemaOf);
    const one = compileTest(model, own, name, rows.kind === "some" ? rows.rows : undefined);
    const alone = one.scan === "own" ? `line ${test.line}` : "";
    const batch = `${one.scan} ${rows.kind} ${alone}`;
    batches.set(batch, [...(batches.get(batch) ?? []), one]);
  }
  const results: TestResult[] = [];
  for (const batch of batches.values())
    results.push(...(await runBatch(client, model, batch, isPersonal)));
  return results;
}

async function runBatch(
  client: PoolClient,
  model: Model,
  batch: readonly CompiledTest[],
  isPersonal: IsPersonal,
): Promise<TestResult[]> {
  const [first, second] = batch;
  if (first === undefined) return [];
  const counts = sql.join(
    batch.map(({ fails }) => sql`count(*) filter (where ${fails})::text`),
    ", ",
  );
  // A single condition goes into `where`, where the planner can make a join of it.
  const statement =
    second === undefined
      ? sql`select array[count(*)::text] as failures from ${first.from} where ${first.fails}`
      : sql`select array[${counts}] as failures from ${first.from}`;
  await client.query("savepoint tests");
  let failures: readonly string[];
  try {
    const [row] = await query<{ failures: string[] }>(client, statement);
    failures = row?.failures ?? [];
  } catch (error) {
    await client.query("rollback to savepoint tests");
    const problems = await checkTests(client, model, batch);
    if (problems.length > 0) throw new ModelError(problems);
    // A view only fails when somebody reads it.
    if (!(error instanceof DatabaseError) || model.build !== "view") throw error;
    throw await explainFailure(client, model, error, { text: model.text, before: "" });
  }
  await client.query("release savepoint tests");
  const results: TestResult[] = [];
  for (const [index, one] of batch.entries()) {
    const count = Number(failures[index] ?? 0);
    results.push({
      model: model.name,
      test: one.test.label,
      severity: one.test.severity,
      failures: count,
      allowed: one.test.allowed,
      sample: count > 0 ? await sampleOf(client, model, one, isPersonal) : [],
      ...placeOfTest(model, one.test),
    });
  }
  return results;
}

/** Lets PostgreSQL read each test without running it; returns what is wrong with their SQL. */
export async function checkTests(
  client: PoolClient,
  model: Model,
  tests: readonly CompiledTest[],
): Promise<ModelProblem[]> {
  const problems: ModelProblem[] = [];
  for (const { test, from, fails } of tests) {
    await client.query("savepoint one_test");
    try {
      await query(client, sql`select from ${from} where ${fails} limit 0`);
      await client.query("release savepoint one_test");
    } catch (error) {
      await client.query("rollback to savepoint one_test");
      const known = modelErrorOf(model, error, { text: model.text, before: "" });
      if (!(known instanceof ModelError)) throw error;
      const [problem] = known.problems;
      problems.push({
        file: model.file,
        text: model.text,
        position: headerValue(model.text, test.line),
        message: `${test.label}: ${problem?.message ?? ""}`,
        hint: problem?.hint,
      });
    }
  }
  return problems;
}

/** Where a test stands in its model's header, as a person reads it. */
export function placeOfTest(
  { file, text }: Pick<Model, "file" | "text">,
  { line }: Pick<ModelTest, "line">,
): { readonly place: string; readonly excerpt: string } {
  const position = headerValue(text, line);
  return {
    place: `${file}:${position.line}:${position.column}`,
    excerpt: excerpt(text, position),
  };
}

async function sampleOf(
  client: PoolClient,
  model: Model,
  { from, fails, shown }: CompiledTest,
  isPersonal: IsPersonal,
): Promise<Record<string, unknown>[]> {
  const columns = [...new Set([...keyOf(model), ...shown])].filter(
    (column) => !model.header.pii.has(column) && !isPersonal(model.name, column),
  );
  const list = sql.join(
    columns.map((column) => sql`${sql.ident("tested", column)}`),
    ", ",
  );
  const rows = await query<{ row: Record<string, unknown> }>(
    client,
    sql`
      select to_jsonb(sample) as row
      from (select ${list} from ${from} where ${fails} limit ${SAMPLE_ROWS}) as sample`,
  );
  return rows.map(({ row }) => row);
}

/** Views have no key: their rows are told apart by account. */
function keyOf(model: Model): readonly string[] {
  return model.header.key.length > 0 ? model.header.key : ["conta"];
}

/** How a relation is written in a test: where it is published, or a stand-in of `elt check`. */
export type RelationName = (schema: string, relation: string) => SQLQuery;

/**
 * Turns a test of the header into SQL over the relations that `name` gives.
 * @param tested the rows to look at, a parenthesised SELECT; all of the model's by default
 */
export function compileTest(
  model: Model,
  test: ModelTest,
  name: RelationName,
  tested: SQLQuery = name(model.schema, model.relation),
): CompiledTest {
  const { rule } = test;
  const rows = sql`${tested} as tested`;
  const column = (name: string) => sql.ident("tested", name);
  switch (rule.kind) {
    case "required":
      return {
        test,
        from: rows,
        scan: "rows",
        fails: sql`${column(rule.column)} is null`,
        shown: [rule.column],
      };
    case "accepted":
      return {
        test,
        from: rows,
        scan: "rows",
        fails: sql`${column(rule.column)}::text <> all (${rule.values}::text[])`,
        shown: [rule.column],
      };
    case "check":
      return {
        test,
        from: rows,
        scan: "rows",
        fails: sql`not (${sql.__dangerous__rawValue(rule.expression)})`,
        shown: model.header.columns.size > 0 ? columnsIn(model, rule.expression) : [],
      };
    case "lossless":
      return {
        test,
        from: sql`
          ${rows} inner join ${name("landing", landingRelation(model))} as landed
            on landed.conta = tested.conta and landed.chave = tested.chave`,
        scan: "landing",
        fails: sql`
          ${column(rule.column)} is null and elt.has_value(landed.payload ->> ${rule.jsonKey})`,
        shown: [],
      };
    case "unique": {
      const list = sql.join(rule.columns.map(column), ", ");
      const anyNull = sql.join(
        rule.columns.map((name) => sql`${column(name)} is null`),
        " OR ",
      );
      return {
        test,
        from: sql`
          (
            select tested.*, count(*) over (partition by ${list}) as elt_times
            from ${rows}
            where not (${anyNull})
          ) as tested`,
        scan: "own",
        fails: sql`tested.elt_times > 1`,
        shown: rule.columns,
      };
    }
    case "references": {
      const [schema = "", relation = ""] = rule.target.split(".");
      return {
        test,
        from: rows,
        scan: "own",
        fails: sql`
          ${column(rule.column)} is not null and not exists (
            select
            from ${name(schema, relation)} as target
            where target.conta = tested.conta
              and ${sql.ident("target", rule.targetColumn)} = ${column(rule.column)}
          )`,
        shown: [rule.column],
      };
    }
  }
}

function landingRelation(model: Model): string {
  const landing = model.references.find((reference) => reference.schema === "landing");
  return landing?.relation ?? "";
}

/** Columns of the model that an expression names. */
function columnsIn(model: Model, expression: string): readonly string[] {
  const words = new Set(expression.match(/[a-z_][a-z0-9_]*/g));
  return [...model.header.columns.keys()].filter((name) => words.has(name));
}
