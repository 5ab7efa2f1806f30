import { DatabaseError } from "pg";
import { query, sql } from "../../extract/query.ts";
import { createViewText, type Draft } from "./draft.ts";
import type { ModelLineage } from "./lineage.ts";
import { didYouMean } from "./near-name.ts";
import { offsetOf, type Position, positionAt, startOfSelect } from "./position.ts";
import type { ModelProblem } from "./problem.ts";
import type { Model } from "./project.ts";
import { applyEdits, type Edit, originalPosition, referenceEdits } from "./rename-references.ts";
import { isModelFault, withoutValues } from "./run-model.ts";
import { namesOf, only, textOf, walk } from "./syntax-tree.ts";

/** What PostgreSQL says of a model, and whether a view stands in the draft that others can read. */
export type CheckedModel = {
  readonly problems: readonly ModelProblem[];
  /** `repaired`: it stands, with guesses in the place of names that do not exist. */
  readonly stands: "sound" | "repaired" | "broken";
};

/** The lineage of a model, worked out when it is asked for. */
export type LineageOf = (model: Model) => ModelLineage | undefined;

const UNDEFINED_COLUMN = "42703";
const UNDEFINED_TABLE = "42P01";
const UNDEFINED_FUNCTION = "42883";
const UNDEFINED_OBJECT = "42704";
const DUPLICATE_COLUMN = "42701";
/** More wrong names than this in one file are one mistake, which the first few show. */
const MOST_REPAIRS = 20;

/**
 * Lets PostgreSQL read a model as a view of the draft. Where a name does not exist, the text is
 * tried again with a guess in its place, so that the next mistake of the same file is found too.
 * @param trusted false when what it reads is itself a guess: then only unknown names count
 */
export async function checkModel(
  draft: Draft,
  model: Model,
  lineageOf: LineageOf,
  trusted: "trusted" | "guessed",
): Promise<CheckedModel> {
  const before = createViewText(draft, model);
  const renames = referenceEdits(model, ({ schema }) => draft.schemaOf(schema ?? ""));
  const repairs: Edit[] = [];
  const problems: ModelProblem[] = [];
  while (repairs.length <= MOST_REPAIRS) {
    const edited = applyEdits(model.select, [...renames, ...repairs]);
    const error = await tryStatement(draft, before + edited.text);
    if (error === undefined) {
      return {
        problems,
        stands: repairs.length > 0 || trusted === "guessed" ? "repaired" : "sound",
      };
    }
    const position = placeOf(model, error, before, edited);
    const unknownName = error.code === UNDEFINED_COLUMN || error.code === UNDEFINED_TABLE;
    if (unknownName || (repairs.length === 0 && trusted === "trusted")) {
      const hint = await hintFor(draft, model, error, position, lineageOf);
      const message = draft.restoreNames(withoutValues(error));
      problems.push({ file: model.file, text: model.text, position, message, hint });
    }
    const repair = unknownName ? repairAt(model, position, error.hint) : undefined;
    if (repair === undefined || repairs.some(({ at }) => at === repair.at)) break;
    repairs.push(repair);
  }
  return { problems, stands: "broken" };
}

async function tryStatement(draft: Draft, statement: string): Promise<DatabaseError | undefined> {
  try {
    await draft.client.query(`savepoint model; ${statement}\n; release savepoint model`);
    return undefined;
  } catch (error) {
    if (!(error instanceof DatabaseError) || !isModelFault(error.code)) throw error;
    await draft.client.query("rollback to savepoint model");
    return error;
  }
}

function placeOf(
  model: Model,
  error: DatabaseError,
  before: string,
  edited: ReturnType<typeof applyEdits>,
): Position {
  if (error.code === DUPLICATE_COLUMN) {
    const at = secondColumn(model, /"(.*)"/.exec(error.message)?.[1] ?? "");
    if (at !== undefined) return at;
  }
  if (error.position === undefined) return startOfSelect(model.text);
  const sent = `savepoint model; ${before}`;
  const offset = offsetOf(sent + edited.text, "server-character", Number(error.position));
  if (offset < sent.length) return startOfSelect(model.text);
  return originalPosition(model, offset - sent.length, edited);
}

/** Where a column is given for the second time; PostgreSQL does not say. */
function secondColumn(model: Model, name: string): Position | undefined {
  const places: number[] = [];
  for (const item of Array.isArray(model.tree?.targetList) ? model.tree.targetList : []) {
    const target = only(item, "ResTarget");
    const given = textOf(target, "name") ?? namesOf(only(target?.val, "ColumnRef")?.fields).at(-1);
    if (given === name && typeof target?.location === "number") places.push(target.location);
  }
  const second = places[1];
  return second === undefined
    ? undefined
    : positionAt(model.text, offsetOf(model.text, "byte", second));
}

/** A column that exists, or a null, in the place of a name that does not. */
function repairAt(model: Model, { offset }: Position, hint: string | undefined): Edit | undefined {
  const name = /^(?:"[^"]+"|[\p{L}_][\p{L}\p{N}_$]*)(?:\.(?:"[^"]+"|[\p{L}_][\p{L}\p{N}_$]*))*/u;
  const from = name.exec(model.select.slice(offset))?.[0];
  if (from === undefined) return undefined;
  const meant = /the column "([\w.]+)"(?! or)/.exec(hint ?? "")?.[1];
  // What reads the model knows the column by the name that was meant.
  if (meant !== undefined) return { at: offset, from, to: meant };
  const alias = isUnnamedTarget(model, offset) ? ` as ${from.split(".").at(-1)}` : "";
  return { at: offset, from, to: `(null::text)${alias}` };
}

function isUnnamedTarget(model: Model, offset: number): boolean {
  let found = false;
  walk(model.tree, (kind, node) => {
    if (kind !== "ResTarget" || node.name !== undefined) return;
    const at = only(node.val, "ColumnRef")?.location;
    if (typeof at === "number") found ||= offsetOf(model.text, "byte", at) === offset;
  });
  return found;
}

/** PostgreSQL's own hint, else the nearest name, else the names there are. */
async function hintFor(
  draft: Draft,
  model: Model,
  error: DatabaseError,
  position: Position,
  lineageOf: LineageOf,
): Promise<string | undefined> {
  if (error.code === UNDEFINED_COLUMN && error.hint === undefined) {
    const unknown = lineageOf(model)?.unknown.find(
      ({ at }) => offsetOf(model.text, "byte", at) === position.offset,
    );
    if (unknown === undefined || unknown.candidates.length === 0) return undefined;
    const written = unknown.written.split(".").at(-1) ?? "";
    return didYouMean(written, unknown.candidates) ?? `there are ${listed(unknown.candidates)}`;
  }
  if (error.code === UNDEFINED_TABLE && error.hint === undefined) {
    const alias = /"(.*)"/.exec(error.message)?.[1] ?? "";
    return didYouMean(alias, aliasesOf(model));
  }
  if (error.code === UNDEFINED_FUNCTION) {
    const written = /function ([\w.]+)\(/.exec(error.message)?.[1];
    const near = written === undefined ? undefined : await nearFunction(draft, written);
    if (near !== undefined) return near;
  }
  if (error.code === UNDEFINED_OBJECT) {
    const written = /^type "(.*)" does not exist/.exec(error.message)?.[1];
    if (written !== undefined) return didYouMean(written, typeNames);
  }
  return error.hint === undefined ? undefined : draft.restoreNames(error.hint);
}

/** Types that models use. */
const typeNames = [
  ...["text", "integer", "bigint", "smallint", "numeric", "boolean", "date", "timestamp"],
  ...["timestamptz", "interval", "jsonb", "double precision", "real", "uuid", "varchar"],
];

/** Only when no function has that name at all: otherwise its arguments are what is wrong. */
async function nearFunction(draft: Draft, written: string): Promise<string | undefined> {
  const functions = await query<{ name: string }>(
    draft.client,
    sql`
      select distinct
        case nspname when 'pg_catalog' then proname else nspname || '.' || proname end as name
      from pg_proc
      inner join pg_namespace on pg_namespace.oid = pg_proc.pronamespace
      where nspname in ('pg_catalog', 'elt')`,
  );
  const names = functions.map(({ name }) => name);
  return names.includes(written) ? undefined : didYouMean(written, names);
}

function aliasesOf(model: Model): readonly string[] {
  const names: string[] = [];
  walk(model.tree, (kind, node) => {
    if (kind === "RangeVar") names.push(textOf(node, "relname") ?? "");
    names.push(textOf(only({ Alias: node.alias }, "Alias"), "aliasname") ?? "");
  });
  return names.filter((name) => name !== "");
}

const MOST_NAMES = 15;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).join(", ");
  return names.length > MOST_NAMES ? `${shown}, …` : shown;
}
