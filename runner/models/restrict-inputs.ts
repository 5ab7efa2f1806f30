import type { RestrictedInput } from "./key-locality.ts";
import type { Model } from "./project.ts";
import { applyEdits, type Edit, type EditedText, referenceEdits } from "./rename-references.ts";
import type { Reference } from "./select.ts";

/** A name as it stands in a text: `staging.reservas`, `"staging" . "reservas"`. */
const RELATION_NAME =
  /^(?:"(?:[^"]|"")+"|[\p{L}\p{N}_$]+)\s*\.\s*(?:"(?:[^"]|"")+"|[\p{L}\p{N}_$]+)/u;

/**
 * A model's SELECT over the rows of some keys alone: where the name of a restricted input stands,
 * a subquery of that relation joined to the table of keys stands instead.
 * @param keys a temporary table, quoted, with the columns `k1`, `k2`… without repeated rows
 * @param schemaOf where a relation stands for now; undefined where it always does
 * @returns undefined when a name cannot be found where the parser says it stands
 */
export function restrictInputs(
  model: Pick<Model, "select" | "references">,
  inputs: readonly RestrictedInput[],
  keys: string,
  schemaOf: (reference: Reference) => string | undefined,
): EditedText | undefined {
  const edits: Edit[] = [];
  for (const { relation, columns, position, isNamed } of inputs) {
    const at = position.offset;
    const from = RELATION_NAME.exec(model.select.slice(at))?.[0];
    if (from === undefined) return undefined;
    const [schema = "", name = ""] = relation.split(".");
    const standsIn = schemaOf({ schema, relation: name, position }) ?? schema;
    const matches = columns.map((column, index) => `k.k${index + 1} = r.${quote(column)}`);
    const rows = `(select r.* from ${quote(standsIn)}.${quote(name)} as r inner join ${keys} as k on ${matches.join(" and ")})`;
    edits.push({ at, from, to: isNamed ? rows : `${rows} as ${quote(name)}` });
  }
  const taken = new Set(edits.map(({ at }) => at));
  const others = referenceEdits(model, schemaOf).filter(({ at }) => !taken.has(at));
  return applyEdits(model.select, [...edits, ...others]);
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
