import { DatabaseError, type PoolClient } from "pg";
import { offsetOf, type Position, positionAt, startOfSelect } from "./position.ts";
import { ModelError } from "./problem.ts";
import type { Model } from "./project.ts";

const INSUFFICIENT_PRIVILEGE = "42501";

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
      message: withoutValues(error),
      hint: error.hint,
    },
  ]);
}

/** What PostgreSQL says, but data errors (class 22) quote the value, which may be personal. */
export function withoutValues({ code, message }: DatabaseError): string {
  return code?.startsWith("22") ? message.replace(/".*"/s, "…") : message;
}

/** Syntax and names (42), data (22), cardinality (21), unsupported (0A): the text's own faults. */
export function isModelFault(code: string | undefined): boolean {
  return /^(42|22|21|0A)/.test(code ?? "") && code !== INSUFFICIENT_PRIVILEGE;
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
