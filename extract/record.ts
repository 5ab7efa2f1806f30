import { hash } from "node:crypto";
import type { CvdwObject } from "./catalogue.ts";
import type { RawRecord } from "./page.ts";
import { parseWallClock, type WallClock } from "./wall-clock.ts";

/** A record on its way into `landing`. */
export type LandingRecord = {
  /** The key as text; parts joined by `|`. Unique per account and object. */
  readonly chave: string;
  readonly referenciaData: WallClock | undefined;
  /** Of the raw bytes: two records with the same hash are the same. */
  readonly hash: string;
  readonly json: Buffer;
};

/** 128 bits, stored as a uuid. Processors hash SHA-256 twice as fast as MD5. */
const HASH_DIGITS = 32;

/** The record has no usable key; the message names the field, never a value. */
export class MissingKeyError extends Error {
  override readonly name = "MissingKeyError";
}

/** Fields that `toLandingRecord` reads of each record, in its order. */
export function wantedFields(object: CvdwObject): readonly string[] {
  return ["referencia_data", ...object.key];
}

/**
 * Gives a sliced record its key, date and hash.
 * @throws MissingKeyError when a key field is absent, null or blank
 */
export function toLandingRecord(object: CvdwObject, raw: RawRecord): LandingRecord {
  const [referencia, ...keyValues] = raw.fields;
  const digest = hash("sha256", raw.json, "hex").slice(0, HASH_DIGITS);
  const parts = keyValues.map((value, index) => {
    const text = fieldText(value);
    if (text === undefined || text.trim() === "") {
      throw new MissingKeyError(
        `the key field ${object.key[index]} is absent, empty or not readable`,
      );
    }
    return text;
  });
  if (object.keyRepeats) parts.push(digest);
  const date = fieldText(referencia);
  return {
    chave: parts.join("|"),
    referenciaData: date === undefined ? undefined : parseWallClock(date),
    hash: digest,
    json: raw.json,
  };
}

/** A scalar as text: JSON null and absence are undefined, numbers keep their digits. */
function fieldText(raw: string | undefined): string | undefined {
  if (raw === undefined || raw === "null") return undefined;
  if (!raw.startsWith('"')) return raw;
  try {
    const text: unknown = JSON.parse(raw);
    return typeof text === "string" ? text : undefined;
  } catch {
    // Not JSON: PostgreSQL will refuse the record and say so; a date here would be a guess.
    return undefined;
  }
}
