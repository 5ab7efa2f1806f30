import { positionAt } from "./position.ts";
import type { ModelProblem } from "./problem.ts";

/** Longer ones are cut by PostgreSQL, or by names of indexes that are made of them. */
const RELATION_NAME = /^[a-z_][a-z0-9_]{0,49}$/;

/** What is wrong with a file's name, which is the name of its relation. */
export function relationNameProblem(
  relation: string,
  file: string,
  text: string,
): ModelProblem | undefined {
  if (RELATION_NAME.test(relation)) return undefined;
  const suffix = /\.\w+$/.exec(file)?.[0] ?? "";
  return {
    file,
    text,
    position: positionAt(text, 0),
    message: `the file's name is the relation's, and "${relation}" is none that SQL reads without quotes`,
    hint: `name it with small letters, digits and _, a letter first, 50 at most, then ${suffix}`,
  };
}
