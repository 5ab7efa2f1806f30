import { parse } from "libpg-query";
import { headerValue, type Position } from "../models/position.ts";
import type { ModelProblem } from "../models/problem.ts";
import { isNode, namesOf, nodesOf, only, walk } from "../models/syntax-tree.ts";
import type { Guard } from "./parse-guard.ts";

/** A guard with the columns that its number is made of. */
export type ReadGuard = Guard & { readonly columns: readonly string[] };

/** The file of a model, as far as its guards are concerned. */
type GuardedFile = {
  readonly file: string;
  readonly text: string;
  readonly schema: string;
  readonly build: "table" | "view";
  readonly key: readonly string[];
};

/** Reads the expressions of a model's guards; what is wrong with one is added to `problems`. */
export async function readGuards(
  model: GuardedFile,
  guards: readonly Guard[],
  problems: ModelProblem[],
): Promise<readonly ReadGuard[]> {
  const { file, text, schema, build, key } = model;
  const [first] = guards;
  if (first !== undefined && (schema !== "marts" || build !== "table" || !key.includes("conta"))) {
    const position = headerValue(text, first.line);
    const message = "@guard is about the rows of a table of marts that has conta in its @key";
    const hint = "numbers are guarded per account, and rows are told apart by their key";
    problems.push({ file, text, position, message, hint });
    return [];
  }
  const read: ReadGuard[] = [];
  for (const guard of guards) {
    const found = await columnsOf(guard.expression);
    if (Array.isArray(found)) read.push({ ...guard, columns: found });
    else {
      const position = expressionOf(text, guard);
      problems.push({ file, text, position, message: `@guard ${guard.kpi}: ${found}` });
    }
  }
  return read;
}

/** Where the expression of a guard stands. */
export function expressionOf(text: string, { line, expression }: Guard): Position {
  const content = text.split("\n")[line - 1] ?? "";
  const at = content.indexOf(expression, content.indexOf("="));
  const value = headerValue(text, line);
  return at < 0 ? value : { ...value, column: [...content.slice(0, at)].length + 1 };
}

/** Columns that an expression names, or why it is none that rows can be counted by. */
async function columnsOf(expression: string): Promise<string[] | string> {
  let tree: unknown;
  try {
    tree = await parse(`select (${expression})`);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const statements = isNode(tree) ? nodesOf(tree.stmts) : [];
  const select = only(statements[0]?.stmt, "SelectStmt");
  const columns = new Set<string>();
  let selects = 0;
  walk(tree, (kind, node) => {
    if (kind === "SelectStmt") selects++;
    if (kind === "ColumnRef") columns.add(namesOf(node.fields).at(-1) ?? "");
  });
  const isAlone = statements.length === 1 && select !== undefined;
  const hasClauses = Object.keys(select ?? {}).some((clause) => !bareClauses.has(clause));
  if (!isAlone || selects > 1 || hasClauses || isRow(select.targetList)) {
    return "after = stands one aggregate over the columns of this model, like sum(valor)";
  }
  return [...columns];
}

/** What the parser gives of a SELECT that has nothing but its list. */
const bareClauses = new Set(["targetList", "limitOption", "op"]);

function isRow(targets: unknown): boolean {
  const [first, ...more] = nodesOf(targets);
  return more.length > 0 || only(only(first, "ResTarget")?.val, "RowExpr") !== undefined;
}
