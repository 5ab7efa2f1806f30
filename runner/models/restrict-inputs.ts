import type { RestrictedInput } from "./key-locality.ts";
import type { Model } from "./project.ts";
import { applyEdits, type Edit, type EditedText, referenceEdits } from "./rename-references.ts";
import type { Reference } from "./select.ts";

/** A name as it stands in a text: `staging.reservas`, `"staging" . "reservas"`. */
const RELATION_NAME =
  /^(?:"(?:[^"]|"")+"|[\p{L}\p{N}_$]+)\s*\.\s*(?:"(?:[^"]|"")+"|[\p{L}\p{N}_$]+)/u;

/**
 * A model's SELECT over the rows of some keys alone: where the name of a restricted input stands,
 * the table of its rows stands instead.
 * @param rowsOf the table, quoted, that holds the rows of a restricted input
 * @param schemaOf where another relation stands for now; undefined where it always does
 * @returns undefined when a name cannot be found where the parser says it stands
 */
export function restrictInputs(
  model: Pick<Model, "select" | "references">,
  inputs: readonly RestrictedInput[],
  rowsOf: (input: RestrictedInput) => string,
  schemaOf: (reference: Reference) => string | undefined,
): EditedText | undefined {
  const edits: Edit[] = [];
  for (const input of inputs) {
    const at = input.position.offset;
    const from = RELATION_NAME.exec(model.select.slice(at))?.[0];
    const [, name = ""] = input.relation.split(".");
    if (from === undefined) return undefined;
    const to = input.isNamed ? rowsOf(input) : `${rowsOf(input)} as ${quote(name)}`;
    edits.push({ at, from, to });
  }
  const taken = new Set(edits.map(({ at }) => at));
  const others = referenceEdits(model, schemaOf).filter(({ at }) => !taken.has(at));
  return applyEdits(model.select, [...edits, ...others]);
}

/**
 * A subquery of the rows of a restricted input that carry the keys.
 * @param keys a table, as it is written, with the columns `k1`, `k2`…, each key once
 * @param standsIn the schema that the relation is in for now
 */
export function restrictedRows(
  { relation, columns }: RestrictedInput,
  keys: string,
  standsIn?: string,
): string {
  const [schema = "", name = ""] = relation.split(".");
  const matches = columns.map((column, index) => `k.k${index + 1} = r.${quote(column)}`);
  return `(select r.* from ${quote(standsIn ?? schema)}.${quote(name)} as r inner join ${keys} as k on ${matches.join(" and ")})`;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
