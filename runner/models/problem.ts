import { excerpt, type Position } from "./position.ts";

/** Something wrong in a model, at its place, as the analyst will read it. */
export type ModelProblem = {
  /** Relative to the project, e.g. `models/marts/vendas.sql`. */
  readonly file: string;
  readonly position: Position;
  /** Text of the file, for the excerpt. */
  readonly text: string;
  readonly message: string;
  readonly hint?: string | undefined;
};

/** `file:line:column: message`, three lines of context, a caret, and a hint. */
export function formatProblem(problem: ModelProblem): string {
  const { file, position, message, hint } = problem;
  const lines = [
    `${file}:${position.line}:${position.column}: ${message}`,
    excerpt(problem.text, position),
  ];
  if (hint !== undefined) lines.push(`hint: ${hint}`);
  return lines.join("\n");
}

/** Models that cannot be built: every problem found in one pass. Nothing was published. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  readonly problems: readonly ModelProblem[];

  /** @param unchecked models that could not be looked at, because of the problems of others */
  constructor(problems: readonly ModelProblem[], unchecked: readonly string[] = []) {
    const notes =
      unchecked.length === 0
        ? []
        : [`Not checked, because something they read is broken: ${unchecked.join(", ")}.`];
    super([...problems.map(formatProblem), ...notes].join("\n\n"));
    this.problems = problems;
  }
}
