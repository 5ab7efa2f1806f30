import { columnsOfRule } from "./model-test.ts";
import { didYouMean } from "./near-name.ts";
import { headerLine, headerValue, type Position, startOfSelect } from "./position.ts";
import type { ModelProblem } from "./problem.ts";
import type { Model } from "./project.ts";

/** Columns of a relation by its name; undefined when they are not known. */
export type KnownColumns = (relation: string) => readonly string[] | undefined;

/** Names in a model's header that its SELECT, or the relation that a test names, does not have. */
export function headerProblems(
  model: Model,
  columns: readonly string[],
  columnsOf: KnownColumns = () => undefined,
): readonly ModelProblem[] {
  const { header } = model;
  const named = [
    ...header.key.map((name) => ["key", name] as const),
    ...header.indexes.flat().map((name) => ["index", name] as const),
    ...[...header.pii.keys()].map((name) => ["pii", name] as const),
    ...[...header.columns.keys()].map((name) => ["column", name] as const),
  ];
  const problem = (position: Position, message: string, hint?: string): ModelProblem => ({
    file: model.file,
    text: model.text,
    position,
    message,
    hint,
  });
  const inSelect = named
    .filter(([, name]) => !columns.includes(name))
    .map(([keyword, name]) =>
      problem(
        headerLine(model.text, keyword, name),
        `@${keyword} names ${name}, which the SELECT does not give`,
        didYouMean(name, columns),
      ),
    );
  const inTests = header.tests.flatMap(({ rule, line, label }) => {
    const missing = columnsOfRule(rule)
      .filter((name) => !columns.includes(name))
      .map((name) =>
        problem(
          wordIn(model, line, name),
          `${label}: the SELECT gives no column ${name}`,
          didYouMean(name, columns),
        ),
      );
    if (rule.kind !== "references") return missing;
    const target = columnsOf(rule.target);
    if (target === undefined || target.includes(rule.targetColumn)) return missing;
    const targetProblem = problem(
      wordIn(model, line, rule.target),
      `${label}: ${rule.target} has no column ${rule.targetColumn}`,
      didYouMean(rule.targetColumn, target),
    );
    return [...missing, targetProblem];
  });
  return [...columnProblems(model, columns), ...inSelect, ...inTests];
}

const UNNAMED = "?column?";

/** What readers cannot do without: a name for each column, and the account in a view of marts. */
function columnProblems(model: Model, columns: readonly string[]): readonly ModelProblem[] {
  const { file, text } = model;
  const place = { file, text, position: startOfSelect(text) };
  const unnamed = columns.indexOf(UNNAMED);
  const problems: ModelProblem[] = [];
  if (unnamed >= 0) {
    problems.push({
      ...place,
      message: `column ${unnamed + 1} of the SELECT has no name`,
      hint: "write `as name` after what computes it",
    });
  }
  if (model.build === "view" && model.schema === "marts" && !columns.includes("conta")) {
    problems.push({
      ...place,
      message: "a view of marts gives the column conta, by which readers see only their accounts",
      hint: "add conta, and to GROUP BY where there is one",
    });
  }
  return problems;
}

/** Where a word stands in a header line. */
export function wordIn(model: Model, line: number, word: string): Position {
  const content = model.text.split("\n")[line - 1] ?? "";
  const value = headerValue(model.text, line);
  const escaped = word.replace(/\W/g, "\\$&");
  const at = content.search(new RegExp(`(?<![\\w.])${escaped}(?![\\w.])`));
  return at < 0 ? value : { ...value, column: [...content.slice(0, at)].length + 1 };
}
