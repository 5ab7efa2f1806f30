import type { Publication } from "./publication.ts";
import type { Column, ResultSet } from "./result-set.ts";

type JsonAnswer = {
  readonly publication: Publication;
  readonly result: ResultSet;
  /** One object instead of a list of rows. */
  readonly single: boolean;
  /** Rows were left out. */
  readonly truncated: boolean;
};

/**
 * `{"publicacao":{id,em},"dados":…}`. Numbers are plain JSON numbers with the digits PostgreSQL
 * wrote, dates YYYY-MM-DD, instants ISO 8601; `"truncado":true` stands before the rows when some
 * were left out.
 */
export function jsonAnswer({ publication, result, single, truncated }: JsonAnswer): Buffer {
  const keys = result.columns.map(({ name }) => `${JSON.stringify(name)}:`);
  const objects = result.rows.map((row) => {
    const members = result.columns.map(
      (column, index) => keys[index] + jsonValue(column, row[index] ?? null),
    );
    return `{${members.join(",")}}`;
  });
  const head = `{"publicacao":{"id":${publication.id},"em":${JSON.stringify(publication.em)}}`;
  const mark = truncated ? ',"truncado":true' : "";
  const data = single ? (objects[0] ?? "null") : `[${objects.join(",\n")}]`;
  return Buffer.from(`${head}${mark},"dados":${data}}\n`);
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
