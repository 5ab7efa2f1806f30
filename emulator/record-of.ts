import { specOf } from "./fields.ts";
import type { CvdwRecord, Json } from "./record.ts";

const blanks = new Map<string, CvdwRecord>();

/**
 * A full record of an object: every field of the catalogue, null where nothing is given.
 * Throws on a field that the object does not have.
 */
export function recordOf(object: string, values: CvdwRecord): CvdwRecord {
  const blank = blankOf(object);
  for (const field of Object.keys(values)) {
    if (!(field in blank)) throw new Error(`${object} has no field named ${field}`);
  }
  return { ...blank, ...values };
}

function blankOf(object: string): CvdwRecord {
  let blank = blanks.get(object);
  if (blank === undefined) {
    const fields = Object.keys(specOf(object).fields);
    blank = Object.fromEntries(fields.map((field): [string, Json] => [field, null]));
    blanks.set(object, blank);
  }
  return blank;
}
