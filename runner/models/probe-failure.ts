import type { DatabaseError, PoolClient } from "pg";
import { quoted } from "./draft.ts";
import { locate } from "./position.ts";
import type { ModelProblem } from "./problem.ts";
import type { Model } from "./project.ts";
import { withoutValues } from "./run-model.ts";
import { tokensOf } from "./sql-tokens.ts";
import { type Suspect, suspectsOf } from "./suspects.ts";

/** A probe that takes longer is given up: the place in the text is told without the record. */
const PROBE_TIMEOUT_MS = 20_000;
const EXAMPLES = 3;

/** What a probe needs of a model, or of a test that is a file. */
export type ProbedText = Pick<Model, "file" | "text" | "select" | "tree"> & {
  readonly header: Pick<Model["header"], "key">;
};

type Example = {
  readonly records: readonly (Readonly<Record<string, unknown>> | null)[];
  readonly value: string | null;
};

/**
 * Finds which expression failed while a model ran, and on which record, by trying the casts and
 * divisions of its text one by one on the rows they saw. PostgreSQL itself names neither. Values
 * are never told, only their shape. Call it where what the model reads can be read.
 * @returns undefined when no record can be blamed
 */
export async function probeFailure(
  client: PoolClient,
  model: ProbedText,
  error: DatabaseError,
): Promise<ModelProblem | undefined> {
  if (model.tree === undefined || error.code?.startsWith("22") !== true) return undefined;
  const tokens = await tokensOf(model.select);
  const suspects = suspectsOf(model.select, model.tree, tokens, error);
  await client.query(`savepoint probe; set local statement_timeout = ${PROBE_TIMEOUT_MS}`);
  try {
    await client.query(createTrial);
    for (const suspect of suspects) {
      const examples = await tryOn(client, suspect);
      const [first] = examples;
      if (first === undefined) continue;
      return {
        file: model.file,
        text: model.text,
        position: locate(model.text, "byte", suspect.at),
        message: `${withoutValues(error).replace(/:? …/, "")}: ${blame(model, suspect, first)}`,
        hint: hintFor(suspect, examples.length, error.code),
      };
    }
    return undefined;
  } finally {
    await client.query("rollback to savepoint probe; release savepoint probe");
  }
}

/** Of this session alone; an exception block per value is dear, and only runs after a failure. */
const createTrial = `
  create or replace function pg_temp.elt_fails(value anyelement, trial text) returns boolean
  language plpgsql as $function$
  begin
      execute 'select ' || trial using value;
      return false;
  exception when data_exception then
      return true;
  end
  $function$`;

async function tryOn(client: PoolClient, suspect: Suspect): Promise<readonly Example[]> {
  const { value, trial, before, from, where, group, aliases } = suspect;
  const records =
    group === undefined
      ? `jsonb_build_array(${aliases.map((alias) => `to_jsonb(${quoted(alias)})`).join(", ")})`
      : `jsonb_build_array(jsonb_build_object(${group === "()" ? "" : groupFields(group)}))`;
  const statement = `${before}
    select records, value
    from (
      select ${records} as records, (${value})::text as value,
        pg_temp.elt_fails(${value}, $1) as fails
      from ${from}
      ${where === undefined ? "" : `where ${where}`}
      ${group === undefined || group === "()" ? "" : `group by ${group}`}
      offset 0
    ) as tried
    where fails
    limit ${EXAMPLES}`;
  await client.query("savepoint trial");
  try {
    const { rows } = await client.query<Example>(statement, [trial]);
    await client.query("release savepoint trial");
    return rows;
  } catch {
    // A piece of a text is not always a statement of its own; then this one stays unproven.
    await client.query("rollback to savepoint trial");
    return [];
  }
}

function groupFields(group: string): string {
  const fields = group.split(",").map((field) => field.trim());
  return fields.map((field) => `'${field.replaceAll("'", "''")}', ${field}`).join(", ");
}

/** `conta acme, chave 17 has text like "aa 9.999,99" in r.valor`. */
function blame(
  model: ProbedText,
  { value, trial }: Suspect,
  { records, value: found }: Example,
): string {
  const name = value.replace(/\s+/g, " ");
  const what = trial.startsWith("1 /")
    ? `${name} is zero`
    : `${name} holds ${found === null ? "nothing" : `a text like "${shapeOf(found)}"`}`;
  const key = keyOf(model, records);
  return key === "" ? what : `${what} at ${key}`;
}

const MOST_SHOWN = 40;

/** Letters as a or A, digits as 9: enough to see what is wrong, not whose it is. */
function shapeOf(value: string): string {
  const shape = value
    .replace(/\p{Lu}/gu, "A")
    .replace(/\p{L}/gu, (letter) => (letter === "A" ? "A" : "a"))
    .replace(/\p{N}/gu, "9");
  return shape.length > MOST_SHOWN ? `${shape.slice(0, MOST_SHOWN)}…` : shape;
}

/** Names of the record that failed, none of which is personal: account, key, numbers of things. */
function keyOf(model: ProbedText, records: Example["records"]): string {
  const merged: Record<string, unknown> = {};
  for (const record of records) {
    for (const [name, value] of Object.entries(record ?? {})) {
      if (typeof value !== "object") merged[name] ??= value;
    }
  }
  const isKnown = (name: string) => merged[name] !== undefined;
  const candidates = [
    ["conta", "chave"],
    model.header.key,
    Object.keys(merged).filter((name) => name === "conta" || /(^|[._])(id|conta)$|_id$/.test(name)),
  ];
  const names = candidates.find((list) => list.length > 0 && list.every(isKnown)) ?? [];
  return names.map((name) => `${name} ${String(merged[name])}`).join(", ");
}

const OUT_OF_RANGE = "22003";

function hintFor({ trial }: Suspect, examples: number, code: string | undefined): string {
  const more = examples < EXAMPLES ? "" : "More records are like it. ";
  if (trial.startsWith("1 /")) return `${more}nullif(…, 0) gives null instead of a failure`;
  const known = readers.find(({ type }) => trial.includes(`::${type}`));
  if (code === OUT_OF_RANGE && known?.fit !== undefined) {
    return `${more}${known.fit}(…) gives null where a number does not fit`;
  }
  const reader = known?.reader;
  return reader === undefined
    ? `${more}the cast fails on it: take those rows out, or convert them first`
    : `${more}${reader}(…) gives null where the text is no such value, and lossless(…) counts those`;
}

const readers = [
  { type: "numeric", reader: "elt.as_money", fit: "elt.fit_money" },
  { type: "int8", reader: "elt.as_bigint", fit: "elt.fit_bigint" },
  { type: "int4", reader: "elt.as_integer", fit: "elt.fit_integer" },
  { type: "int2", reader: "elt.as_integer", fit: undefined },
  { type: "date", reader: "elt.as_date", fit: undefined },
  { type: "timestamp", reader: "elt.as_timestamp", fit: undefined },
  { type: "bool", reader: "elt.as_flag", fit: undefined },
] as const;
