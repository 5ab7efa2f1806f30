import type { Pool, PoolClient } from "pg";
import { connect } from "../../extract/connection.ts";
import { execute, query, sql } from "../../extract/query.ts";
import { landingObjects, orderModels } from "./order.ts";
import { positionAt } from "./position.ts";
import { ModelError, type ModelProblem } from "./problem.ts";
import type { Model, Project } from "./project.ts";
import { modelErrorOf } from "./run-model.ts";
import { checkTests, compileTest, type RelationName } from "./run-tests.ts";
import { seedColumnType } from "./seed.ts";

/** A name in a model's text that stands for another while it is checked. */
type Edit = { readonly at: number; readonly from: string; readonly to: string };

/**
 * Finds every problem of a project in one pass: texts, names, order, then PostgreSQL's own check of
 * each SELECT and each test in throw-away schemas, in a transaction that is rolled back.
 * Nothing that is published is locked or changed.
 */
export async function checkProject(pool: Pool, project: Project): Promise<readonly ModelProblem[]> {
  const { order, problems: orderProblems } = orderModels(project);
  const problems = [...project.problems, ...orderProblems];
  const unreadable = new Set(problems.map((problem) => problem.file));
  for (const object of landingObjects(project.models)) {
    await execute(pool, sql`select landing.create_object(${object})`).catch(() => undefined);
  }
  const { client, release } = await connect(pool);
  try {
    await client.query("begin");
    const schemaOf = await createSchemas(client, project);
    const failed = new Set<string>();
    for (const model of order) {
      const blocked =
        unreadable.has(model.file) ||
        model.references.some(({ schema, relation }) => failed.has(`${schema}.${relation}`));
      if (blocked) {
        failed.add(model.name);
        continue;
      }
      const found = await checkModel(client, model, schemaOf);
      if (found.length > 0) failed.add(model.name);
      problems.push(...found);
    }
    const inSchema: RelationName = (schema, relation) => sql.ident(schemaOf(schema), relation);
    for (const model of order) {
      if (failed.has(model.name)) continue;
      const targetsFailed = (label: string) => [...failed].some((name) => label.includes(name));
      const tests = model.header.tests.filter((test) => !targetsFailed(test.label));
      problems.push(
        ...(await checkTests(
          client,
          model,
          tests.map((test) => compileTest(model, test, inSchema)),
        )),
      );
    }
  } finally {
    await client.query("rollback").catch(() => undefined);
    release();
  }
  return problems;
}

async function createSchemas(
  client: PoolClient,
  project: Project,
): Promise<(schema: string) => string> {
  const [row] = await query<{ pid: number }>(client, sql`select pg_backend_pid() as pid`);
  const schemaOf = (schema: string) =>
    schema === "landing" ? schema : `elt_check_${row?.pid}_${schema}`;
  for (const schema of ["staging", "seeds", "marts"]) {
    await execute(client, sql`create schema ${sql.ident(schemaOf(schema))}`);
  }
  for (const seed of project.seeds) {
    const columns = sql.join(
      seed.columns.map(
        (name) => sql`${sql.ident(name)} ${sql.__dangerous__rawValue(seedColumnType(name))}`,
      ),
      ", ",
    );
    const table = sql.ident(schemaOf("seeds"), seed.relation);
    await execute(client, sql`create table ${table} (${columns})`);
  }
  return schemaOf;
}

async function checkModel(
  client: PoolClient,
  model: Model,
  schemaOf: (schema: string) => string,
): Promise<readonly ModelProblem[]> {
  const { text, edits } = renameReferences(model, schemaOf);
  const before = `create view "${schemaOf(model.schema)}"."${model.relation}" as\n`;
  await client.query("savepoint model");
  try {
    await client.query(before + text);
    await client.query("release savepoint model");
    return [];
  } catch (error) {
    await client.query("rollback to savepoint model");
    const known = modelErrorOf({ ...model, text }, error, { text, before });
    if (!(known instanceof ModelError)) throw error;
    return known.problems.map((problem) => ({
      ...problem,
      text: model.text,
      position: positionAt(model.text, originalOffset(problem.position.offset, edits)),
      message: restoreNames(problem.message, schemaOf),
    }));
  }
}

/** Writes the throw-away schema where a schema stands in the text, at the parser's positions. */
function renameReferences(
  model: Model,
  schemaOf: (schema: string) => string,
): { readonly text: string; readonly edits: readonly Edit[] } {
  const edits: Edit[] = [];
  for (const { schema, position } of model.references) {
    if (schema === undefined || schemaOf(schema) === schema) continue;
    const written = /^(?:"[^"]+"|\w+)/.exec(model.select.slice(position.offset))?.[0];
    if (written === undefined) continue;
    edits.push({ at: position.offset, from: written, to: `"${schemaOf(schema)}"` });
  }
  edits.sort((a, b) => a.at - b.at);
  let text = "";
  let at = 0;
  for (const edit of edits) {
    text += model.select.slice(at, edit.at) + edit.to;
    at = edit.at + edit.from.length;
  }
  return { text: text + model.select.slice(at), edits };
}

/** Offset in the file of an offset in the renamed text. */
function originalOffset(offset: number, edits: readonly Edit[]): number {
  let original = offset;
  for (const edit of edits) {
    if (original <= edit.at) break;
    original = Math.max(edit.at, original - (edit.to.length - edit.from.length));
  }
  return original;
}

function restoreNames(message: string, schemaOf: (schema: string) => string): string {
  return ["staging", "seeds", "marts"].reduce(
    (text, schema) => text.replaceAll(schemaOf(schema), schema),
    message,
  );
}
