import { formatTable } from "../format-table.ts";
import { changeText } from "./drift-text.ts";
import type { Place } from "./paste-places.ts";
import type { PastDrift } from "./read-drift.ts";
import type { UnreadField, UnreadFields } from "./unread-fields.ts";

/**
 * What `elt drift` shows: first the fields that no model reads, and last, where a terminal stops, what is
 * new. Lines to paste are those of objects that somebody named; of all objects they would be hundreds.
 */
export function formatDrift(
  found: {
    readonly drift: readonly (PastDrift & { readonly readBy: readonly string[] })[];
    readonly recorded: number;
    readonly unread: readonly UnreadFields[];
  },
  { days, lines }: { readonly days: number; readonly lines: "to-paste" | "counted" },
): string {
  const { drift, recorded, unread } = found;
  if (recorded === 0) {
    return "No fields are recorded yet: an object's fields are when it is read. Run: npm run elt -- extract";
  }
  const rows = drift.map((one) => ({
    seen: one.seenAt,
    conta: one.conta,
    object: one.object,
    field: one.field,
    change: changeText(one),
    records: one.change === "vanished" ? "" : `${one.records} of ${one.ofRecords}`,
    "read by": one.readBy.join(", "),
  }));
  return [
    ...(lines === "to-paste" ? unread.flatMap(formatUnread) : countUnread(unread)),
    ...(unread.length === 0 ? ["Every field that is landed is read by a model.", ""] : []),
    `Changed in the last ${days} days`,
    rows.length === 0 ? "  nothing" : formatTable(rows),
  ].join("\n");
}

function countUnread(unread: readonly UnreadFields[]): readonly string[] {
  const [first] = unread;
  if (first === undefined) return [];
  const rows = unread.map(({ object, count, file }) => ({
    object,
    fields: count,
    "staging model": file ?? "none",
  }));
  return [
    "Fields that no model reads",
    formatTable(rows),
    `The lines that would read them: npm run elt -- drift ${first.object}`,
    "",
  ];
}

function formatUnread({ object, file, places, count, fields }: UnreadFields): readonly string[] {
  const counted = `${count} ${count === 1 ? "field" : "fields"}`;
  if (file === null || places === null) {
    return [
      `${object}: ${counted} landed, and no staging model reads this object: add models/staging/${object}.sql, in the style of the others there, to use it.`,
      "",
    ];
  }
  return [
    `${object}: ${counted} that no model reads. To read some, paste their lines into ${file}:`,
    ...block(
      places.header,
      fields.flatMap(({ test }) => test ?? []),
    ),
    ...block(
      places.select,
      fields.map(({ select }) => select),
    ),
    ...block(
      places.definitions,
      fields.flatMap(({ definition }: UnreadField) => definition ?? []),
    ),
    "",
  ];
}

function block(place: Place | undefined, lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return [];
  const where =
    place === undefined ? "into the SELECT" : `above line ${place.line} (${place.text})`;
  return [`  ${where}:`, ...lines];
}
