import type { AnswerMetadata, Encoder } from "./encoder.ts";
import type { Column, ResultSet } from "./result-set.ts";

/**
 * `{"publicacao":{id,em},"dados":…}`. Numbers are plain JSON numbers with the digits PostgreSQL
 * wrote, dates YYYY-MM-DD, instants ISO 8601; `"truncado":true` stands before the rows when some
 * were left out, and `"proxima"` says where those that follow are.
 */
export function jsonEncoder({ publication, single }: AnswerMetadata): Encoder {
  const batches: Buffer[] = [];
  return {
    add: (batch) => {
      const separator = batches.length > 0 ? ",\n" : "";
      if (batch.rows.length > 0) batches.push(Buffer.from(separator + objectsText(batch)));
    },
    finish: ({ truncated, next }) => {
      const head = `{"publicacao":{"id":${publication.id},"em":${JSON.stringify(publication.em)}}`;
      const mark = truncated ? ',"truncado":true' : "";
      const link = next === undefined ? "" : `,"proxima":${JSON.stringify(next)}`;
      const [open, close] = single ? ["", ""] : ["[", "]"];
      return [
        Buffer.from(`${head}${mark}${link},"dados":${open}`),
        ...batches,
        Buffer.from(`${close}}\n`),
      ];
    },
  };
}

function objectsText({ columns, rows }: ResultSet): string {
  const keys = columns.map(({ name }) => `${JSON.stringify(name)}:`);
  const objects = rows.map((row) => {
    const members = columns.map(
      (column, index) => keys[index] + jsonValue(column, row[index] ?? null),
    );
    return `{${members.join(",")}}`;
  });
  return objects.join(",\n");
}

function jsonValue({ type }: Column, value: string | null): string {
  if (value === null) return "null";
  switch (type.kind) {
    case "int32":
    case "int64":
    case "float64":
    case "decimal":
    case "numeric":
      // NaN and infinity exist in PostgreSQL, not in JSON.
      return /^-?\d/.test(value) ? value : "null";
    case "boolean":
      return value === "t" ? "true" : "false";
    case "timestamp":
      return JSON.stringify(isoInstant(value));
    case "date":
    case "text":
      return JSON.stringify(value);
  }
}

/** `2026-01-31 12:00:00.5+00` → `2026-01-31T12:00:00.5Z`. */
function isoInstant(value: string): string {
  return value.replace(" ", "T").replace(/\+00$/, "Z");
}
