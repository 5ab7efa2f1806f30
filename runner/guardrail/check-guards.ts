import { DatabaseError } from "pg";
import { type Draft, quoted } from "../models/draft.ts";
import { didYouMean } from "../models/near-name.ts";
import type { ModelProblem } from "../models/problem.ts";
import type { Model } from "../models/project.ts";
import { isModelFault, withoutValues } from "../models/run-model.ts";
import { expressionOf, type ReadGuard } from "./read-guards.ts";

/**
 * Lets PostgreSQL read the guards of a model that stands in the draft, without computing them.
 * @param columns those of the model
 */
export async function checkGuards(
  draft: Draft,
  model: Model,
  columns: readonly string[],
): Promise<readonly ModelProblem[]> {
  const problems: ModelProblem[] = [];
  for (const guard of model.guards) {
    const unknown = guard.columns.filter((name) => !columns.includes(name));
    problems.push(...unknown.map((name) => unknownColumn(model, guard, name, columns)));
    if (unknown.length > 0) continue;
    const error = await read(draft, model, guard);
    if (error === undefined) continue;
    const { file, text } = model;
    const message = `@guard ${guard.kpi}: ${draft.restoreNames(withoutValues(error))}`;
    const hint = error.hint === undefined ? undefined : draft.restoreNames(error.hint);
    problems.push({ file, text, position: expressionOf(text, guard), message, hint });
  }
  return problems;
}

function unknownColumn(
  { file, text }: Model,
  guard: ReadGuard,
  name: string,
  columns: readonly string[],
): ModelProblem {
  const start = expressionOf(text, guard);
  const word = new RegExp(`(?<![\\w.])${name.replace(/\W/g, "\\$&")}(?!\\w)`);
  const at = Math.max(0, guard.expression.search(word));
  const column = [...guard.expression.slice(0, at)].length + start.column;
  const position = { ...start, column };
  const message = `@guard ${guard.kpi}: the SELECT gives no column ${name}`;
  return { file, text, position, message, hint: didYouMean(name, columns) };
}

/** As a view, whose text PostgreSQL reads and does not run. */
async function read(
  draft: Draft,
  model: Model,
  { expression }: ReadGuard,
): Promise<DatabaseError | undefined> {
  const relation = quoted(draft.schemaOf(model.schema), model.relation);
  const view = `create view ${quoted(draft.schemaOf("marts"), "elt guard")} as
    select conta, (${expression})::numeric as kpi from ${relation} as ${quoted(model.relation)} group by conta`;
  try {
    await draft.client.query(`savepoint guards; ${view}\n; rollback to savepoint guards`);
    return undefined;
  } catch (error) {
    await draft.client.query("rollback to savepoint guards");
    if (!(error instanceof DatabaseError) || !isModelFault(error.code)) throw error;
    return error;
  }
}
