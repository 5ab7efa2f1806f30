import { DatabaseError, type PoolClient } from "pg";
import { offsetOf, type Position, startOfSelect } from "./position.ts";
import { type ProbedText, probeFailure } from "./probe-failure.ts";
import { ModelError, type ModelProblem } from "./problem.ts";
import type { Model } from "./project.ts";
import { type Edit, type EditedText, originalPosition } from "./rename-references.ts";
import { parseSelect } from "./select.ts";

const INSUFFICIENT_PRIVILEGE = "42501";
const COLUMNS_DIFFER = "42P16";

/**
 * Runs a statement made of a model's own text, so that what PostgreSQL says points into the file.
 * @returns how many rows it made
 * @throws ModelError when the text is at fault; DatabaseError for anything else
 */
export async function runModel(
  client: PoolClient,
  model: Model,
  wrap: {
    readonly before: string;
    readonly after?: string;
    /** The model's text with names that stand for others. */
    readonly edited?: EditedText;
  },
): Promise<number> {
  const before = `${wrap.before}\n`;
  const { text, edits } = wrap.edited ?? { text: model.select, edits: [] };
  await client.query("savepoint run_model");
  try {
    const result = await client.query(`${before}${text}\n${wrap.after ?? ""}`);
    await client.query("release savepoint run_model");
    return result.rowCount ?? 0;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    await client.query("rollback to savepoint run_model");
    if (error.code === COLUMNS_DIFFER) throw error;
    throw await explainFailure(client, model, error, { text, before, edits });
  }
}

/** What was sent: a model's text after something else, with names that stand for others. */
type SentText = {
  readonly text: string;
  readonly before: string;
  readonly edits?: readonly Edit[];
};

/**
 * The ModelError of a failure, with the record and the expression at fault where one can be blamed;
 * any other error as it is. The client's transaction must be usable.
 */
export async function explainFailure(
  client: PoolClient,
  model: ProbedText,
  error: DatabaseError,
  sent: SentText,
): Promise<unknown> {
  if (error.position !== undefined) return modelErrorOf(model, error, sent);
  const blamed =
    (await probeEdited(client, model, error, sent)) ?? (await probeFailure(client, model, error));
  return blamed === undefined ? modelErrorOf(model, error, sent) : new ModelError([blamed]);
}

/** Looks for the record in the relations that the text was sent with, as far as it was edited. */
async function probeEdited(
  client: PoolClient,
  model: ProbedText,
  error: DatabaseError,
  { text, edits = [] }: SentText,
): Promise<ModelProblem | undefined> {
  if (edits.length === 0) return undefined;
  const parsed = await parseSelect(text);
  if (parsed.status === "invalid") return undefined;
  const edited = { ...model, text, select: text.slice(0, parsed.end), tree: parsed.tree };
  const blamed = await probeFailure(client, edited, error);
  if (blamed === undefined) return undefined;
  const position = originalPosition(model, blamed.position.offset, { text, edits });
  return { ...blamed, text: model.text, position };
}

/**
 * The ModelError of a database error that a model's text caused; any other error as it is.
 * `sent.text` stands in the statement right after `sent.before` and begins like the file.
 */
export function modelErrorOf(
  model: Pick<Model, "file" | "text">,
  error: unknown,
  sent: SentText,
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

/**
 * What PostgreSQL says. Data errors (class 22) quote the value, which may be personal, unless they
 * have a place: then it is a constant of the text. What a function raises in its own words may hold
 * anything, so that only its name is told.
 */
export function withoutValues({ code, message, position, where }: DatabaseError): string {
  if (code?.startsWith("P0") === true) {
    const name = /PL\/\w+ function ([^\s(]+\([^)]*\))/.exec(where ?? "")?.[1];
    return `${name ?? "a function that it calls"} raised an error of its own, whose words may hold values and are not shown (${code})`;
  }
  return code?.startsWith("22") && position === undefined ? message.replace(/".*"/s, "…") : message;
}

/**
 * Syntax and names (42), data (22), cardinality (21), constraints of a domain (23), unsupported (0A),
 * too much of something (54), raised by a function (P0): the text's own faults.
 */
export function isModelFault(code: string | undefined): boolean {
  return /^(42|22|21|23|0A|54|P0)/.test(code ?? "") && code !== INSUFFICIENT_PRIVILEGE;
}

function placeOf(
  model: Pick<Model, "file" | "text">,
  error: DatabaseError,
  { text, before, edits = [] }: SentText,
): Position {
  if (error.position !== undefined) {
    const offset = offsetOf(before + text, "server-character", Number(error.position));
    if (offset >= before.length)
      return originalPosition(model, offset - before.length, { text, edits });
  }
  return startOfSelect(model.text);
}
