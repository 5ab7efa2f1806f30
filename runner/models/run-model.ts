import { DatabaseError, type PoolClient } from "pg";
import { offsetOf, type Position, positionAt } from "./position.ts";
import { ModelError } from "./problem.ts";
import type { Model } from "./project.ts";

/**
 * Runs a statement made of a model's own text, so that what PostgreSQL says points into the file.
 * @returns how many rows it made
 * @throws ModelError when the text is at fault; DatabaseError for anything else
 */
export async function runModel(
  client: PoolClient,
  model: Model,
  wrap: { readonly before: string; readonly after?: string },
): Promise<number> {
  const before = `${wrap.before}\n`;
  try {
    const result = await client.query(`${before}${model.select}\n${wrap.after ?? ""}`);
    return result.rowCount ?? 0;
  } catch (error) {
    const columnsDiffer = error instanceof DatabaseError && error.code === "42P16";
    throw columnsDiffer ? error : modelErrorOf(model, error, { text: model.select, before });
  }
}

/**
 * The ModelError of a database error that a model's text caused; any other error as it is.
 * `sent.text` stands in the statement right after `sent.before` and begins like the file.
 */
export function modelErrorOf(
  model: Model,
  error: unknown,
  sent: { readonly text: string; readonly before: string },
): unknown {
  if (!(error instanceof DatabaseError) || !isModelFault(error.code)) return error;
  const position = placeOf(model, error, sent);
  return new ModelError([
    {
      file: model.file,
      text: model.text,
      position,
      message: error.message,
      hint: error.hint ?? error.detail,
    },
  ]);
}

/** Syntax and names (42), data (22), cardinality (21), unsupported (0A): the text's own faults. */
function isModelFault(code: string | undefined): boolean {
  return /^(42|22|21|0A)/.test(code ?? "");
}

function placeOf(
  model: Model,
  error: DatabaseError,
  { text, before }: { readonly text: string; readonly before: string },
): Position {
  if (error.position !== undefined) {
    const offset = offsetOf(before + text, "server-character", Number(error.position));
    if (offset >= before.length) return positionAt(model.text, offset - before.length);
  }
  return startOfSelect(model.text);
}

/** The first line that is not a comment. */
export function startOfSelect(text: string): Position {
  const lines = text.split("\n");
  const index = lines.findIndex((line) => line.trim() !== "" && !line.startsWith("--"));
  const offset = lines.slice(0, Math.max(0, index)).join("\n").length;
  return positionAt(text, index <= 0 ? 0 : offset + 1);
}

/** The header line that holds a keyword and a name, for problems that the database finds. */
export function headerLine(text: string, keyword: string, name: string): Position {
  const lines = text.split("\n");
  const index = lines.findIndex(
    (line) =>
      line.startsWith("--") &&
      line.includes(`@${keyword}`) &&
      new RegExp(`\\b${name}\\b`).test(line),
  );
  return { offset: 0, line: Math.max(0, index) + 1, column: 1 };
}
