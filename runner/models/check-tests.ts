import { DatabaseError } from "pg";
import { sql } from "../../extract/query.ts";
import { wordIn } from "./check-header.ts";
import type { Draft } from "./draft.ts";
import { headerValue, type Position } from "./position.ts";
import type { ModelProblem } from "./problem.ts";
import type { Model } from "./project.ts";
import { isModelFault, withoutValues } from "./run-model.ts";
import { type CompiledTest, compileTest } from "./run-tests.ts";

/**
 * Lets PostgreSQL read the tests of a model without planning or running them: all of them at once,
 * and one by one when something is wrong.
 */
export async function checkTests(
  draft: Draft,
  model: Model,
  tests: Model["header"]["tests"],
): Promise<readonly ModelProblem[]> {
  const relation = (schema: string, name: string) => sql.ident(draft.schemaOf(schema), name);
  const compiled = tests.map((test) => compileTest(model, test, relation));
  if (compiled.length === 0) return [];
  if ((await prepare(draft, compiled)) === undefined) return [];
  const problems: ModelProblem[] = [];
  for (const one of compiled) {
    const error = await prepare(draft, [one]);
    if (error === undefined) continue;
    problems.push({
      file: model.file,
      text: model.text,
      position: placeOf(model, one, error),
      message: `${one.test.label}: ${draft.restoreNames(withoutValues(error))}`,
      hint: error.hint === undefined ? undefined : draft.restoreNames(error.hint),
    });
  }
  return problems;
}

async function prepare(
  draft: Draft,
  tests: readonly CompiledTest[],
): Promise<DatabaseError | undefined> {
  const statements = tests.flatMap((test) => {
    const { text } = sql`select from ${test.from} where ${test.fails}`.format(asText);
    return [`prepare elt_test as ${text}\n`, "deallocate elt_test"];
  });
  try {
    await draft.client.query(
      ["savepoint tests", ...statements, "release savepoint tests"].join(";\n"),
    );
    return undefined;
  } catch (error) {
    await draft.client.query("rollback to savepoint tests; deallocate all");
    if (!(error instanceof DatabaseError) || !isModelFault(error.code)) throw error;
    return error;
  }
}

/** Values stay parameters of the prepared statement. */
const asText = {
  escapeIdentifier: (name: string) => `"${name.replaceAll('"', '""')}"`,
  formatValue: (value: unknown, index: number) => ({ placeholder: `$${index + 1}`, value }),
};

function placeOf(model: Model, { test }: CompiledTest, error: DatabaseError): Position {
  const name = /column (?:tested\.)?"?(\w+)"? /.exec(error.message)?.[1];
  return name === undefined ? headerValue(model.text, test.line) : wordIn(model, test.line, name);
}
