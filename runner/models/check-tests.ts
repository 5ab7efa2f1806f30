import { DatabaseError, escapeLiteral } from "pg";
import { sql } from "../../extract/query.ts";
import { wordIn } from "./check-header.ts";
import { type Draft, quoted } from "./draft.ts";
import { headerValue, type Position } from "./position.ts";
import type { ModelProblem } from "./problem.ts";
import type { Model } from "./project.ts";
import { isModelFault, withoutValues } from "./run-model.ts";
import { type CompiledTest, compileTest } from "./run-tests.ts";
import { testOver } from "./test-over.ts";

/**
 * Lets PostgreSQL read the tests of a model without running them: all of them at once, and one by
 * one when something is wrong.
 */
export async function checkTests(
  draft: Draft,
  model: Model,
  tests: Model["header"]["tests"],
): Promise<readonly ModelProblem[]> {
  const relation = (schema: string, name: string) => sql.ident(draft.schemaOf(schema), name);
  const compiled: CompiledTest[] = [];
  for (const test of tests) {
    const own = await testOver(test, ({ schema }) => draft.schemaOf(schema ?? ""));
    compiled.push(compileTest(model, own, relation));
  }
  if (compiled.length === 0) return [];
  if ((await read(draft, compiled)) === undefined) return [];
  const problems: ModelProblem[] = [];
  for (const one of compiled) {
    const error = await read(draft, [one]);
    if (error === undefined) continue;
    problems.push({
      file: model.file,
      text: model.text,
      position: placeOf(model, one, error),
      message: `${one.test.label}: ${draft.restoreNames(withoutValues(error))}`,
      hint:
        error.hint === undefined
          ? undefined
          : draft.restoreNames(error.hint).replaceAll("tested.", ""),
    });
  }
  return problems;
}

/** As views: PostgreSQL reads their text, and does not unfold the views that they stand on. */
async function read(
  draft: Draft,
  tests: readonly CompiledTest[],
): Promise<DatabaseError | undefined> {
  const views = tests.map((test, i) => {
    const { text } = sql`select from ${test.from} where ${test.fails}`.format(withLiterals);
    return `create view ${quoted(draft.schemaOf("marts"), `elt test ${i}`)} as ${text}\n`;
  });
  try {
    await draft.client.query(
      ["savepoint tests", ...views, "rollback to savepoint tests"].join(";\n"),
    );
    return undefined;
  } catch (error) {
    await draft.client.query("rollback to savepoint tests");
    if (!(error instanceof DatabaseError) || !isModelFault(error.code)) throw error;
    return error;
  }
}

/** A view takes no parameters. */
const withLiterals = {
  escapeIdentifier: (name: string) => quoted(name),
  formatValue: (value: unknown) => ({
    placeholder: Array.isArray(value)
      ? `array[${value.map((item) => escapeLiteral(String(item))).join(", ")}]`
      : escapeLiteral(String(value)),
    value: undefined,
  }),
};

function placeOf(model: Model, { test }: CompiledTest, error: DatabaseError): Position {
  const name = /column (?:tested\.)?"?(\w+)"? /.exec(error.message)?.[1];
  return name === undefined ? headerValue(model.text, test.line) : wordIn(model, test.line, name);
}
