import type { Pool } from "pg";
import { projectLineage } from "../models/lineage.ts";
import { orderModels } from "../models/order.ts";
import type { Project } from "../models/project.ts";
import { sampleShapes } from "./field-shapes.ts";
import type { fieldsRead } from "./fields-read.ts";
import { type PastePlaces, pastePlaces } from "./paste-places.ts";
import { type LandedField, landedFields } from "./read-drift.ts";
import { castExpression, castOrder, columnName, pickCast } from "./staging-line.ts";

/** A landed field that no model reads, and the SQL that would. */
export type UnreadField = {
  readonly field: string;
  readonly types: LandedField["types"];
  readonly contas: readonly string[];
  readonly newSince: string | null;
  /** Its column in staging. */
  readonly column: string;
  /** A line of the SELECT. */
  readonly select: string;
  /** A line of the record's column definitions, where the model has such. */
  readonly definition: string | null;
  /** A line of the header, where the cast could lose a value. */
  readonly test: string | null;
};

/** The unread fields of one object. */
export type UnreadFields = {
  readonly object: string;
  /** The staging model's file; null when the object has none, and then no lines are offered. */
  readonly file: string | null;
  readonly places: PastePlaces | null;
  readonly count: number;
  readonly fields: readonly UnreadField[];
};

/**
 * Compares what landing has with what the staging models read, for these objects or for all.
 * `recorded` fields are known; an object's fields are from the first time it is read.
 */
export async function unreadFields(
  pool: Pool,
  project: Project,
  readers: ReturnType<typeof fieldsRead>,
  objects: readonly string[],
): Promise<{ readonly recorded: number; readonly unread: readonly UnreadFields[] }> {
  const lineage = projectLineage(project, orderModels(project).order);
  const allLanded = await landedFields(pool, objects);
  const found: UnreadFields[] = [];
  for (const object of new Set(allLanded.map((field) => field.object))) {
    const reader = readers.get(object);
    const landed = allLanded.filter((field) => field.object === object);
    const unread = landed.filter(({ name }) => (reader?.readersOf(name) ?? []).length === 0);
    const [model] = reader?.models ?? [];
    const count = unread.length;
    if (count === 0) continue;
    if (model === undefined) {
      found.push({ object, file: null, places: null, count, fields: [] });
      continue;
    }
    const places = pastePlaces(model);
    const taken = new Set(lineage.get(model.name)?.columns.map((column) => column.name));
    const fields = await withLines(pool, unread, places, taken);
    found.push({ object, file: model.file, places, count, fields });
  }
  return { recorded: allLanded.length, unread: found };
}

/** PostgreSQL cuts longer identifiers, and a cut one would not match the field. */
const LONGEST_IDENTIFIER = 63;

async function withLines(
  pool: Pool,
  landed: readonly LandedField[],
  places: PastePlaces,
  taken: Set<string>,
): Promise<readonly UnreadField[]> {
  const object = landed[0]?.object ?? "";
  const names = landed.map(({ name }) => name);
  const shapes = await sampleShapes(pool, object, names);
  const cast = landed
    .map((field) => ({ field, ...pickCast(field.name, field.types, shapes.get(field.name)) }))
    .sort((a, b) => castOrder.indexOf(a.call) - castOrder.indexOf(b.call));
  return cast.map(({ field, call, remark }) => {
    const column = columnName(field.name, call, taken);
    taken.add(column);
    const isShort = Buffer.byteLength(field.name) <= LONGEST_IDENTIFIER;
    const record = isShort ? places.record : undefined;
    const argument =
      record === undefined
        ? `${places.payload} ->> ${field.literal}`
        : `${record}.${field.identifier}`;
    const remarks = [remark, field.newSince === null ? undefined : `new since ${field.newSince}`];
    const comment = remarks.flatMap((text) => text ?? []).join("; ");
    // Text loses nothing; the list of a test's arguments has no quotes.
    const needsTest = call !== "as_text" && /^[^\s,()]+$/.test(field.name);
    const select = `    ${castExpression(call, argument)} as ${column},`;
    return {
      field: field.name,
      types: field.types,
      contas: field.contas,
      newSince: field.newSince,
      column,
      select: comment === "" ? select : `${select}  -- ${comment}`,
      definition: record === undefined ? null : `    ${field.identifier} text,`,
      test: needsTest ? `-- @warn   lossless(${column}, ${field.name})` : null,
    };
  });
}
