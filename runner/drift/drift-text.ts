import type { JsonType } from "../../extract/fields.ts";
import type { FieldDrift } from "../../extract/record-fields.ts";

/** What changed about one field, e.g. `new: string`, `number → number, object`. */
export function changeText(drift: Pick<FieldDrift, "change" | "typesBefore" | "typesNow">): string {
  const before = typesText(drift.typesBefore);
  const now = typesText(drift.typesNow);
  switch (drift.change) {
    case "new":
      return `new: ${now}`;
    case "vanished":
      return `vanished (was ${before})`;
    case "returned":
      return `returned: ${now}`;
    case "retyped":
      return `retyped: ${before} → ${now}`;
  }
}

/** Types of a field that are not null; a field that never had another is `null`. */
export function typesText(types: readonly JsonType[]): string {
  return types.length === 0 ? "null" : types.join(", ");
}

/** The fields of one object that changed, e.g. `new field a, b; vanished field c`. */
export function driftText(drift: readonly FieldDrift[]): string {
  const changes = ["new", "returned", "vanished", "retyped"] as const;
  const parts = changes.flatMap((change) => {
    const fields = drift.filter((found) => found.change === change);
    const shown = fields
      .slice(0, MOST_NAMES)
      .map((found) => (change === "retyped" ? `${found.field} (${retyping(found)})` : found.field));
    const more = fields.length > MOST_NAMES ? ` and ${fields.length - MOST_NAMES} more` : "";
    const noun = fields.length === 1 ? "field" : "fields";
    return fields.length === 0 ? [] : [`${change} ${noun} ${shown.join(", ")}${more}`];
  });
  return parts.join("; ");
}

const MOST_NAMES = 8;

function retyping({ typesBefore, typesNow }: FieldDrift): string {
  return `${typesText(typesBefore)} → ${typesText(typesNow)}`;
}
