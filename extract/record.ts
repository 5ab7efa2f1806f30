import { hash } from "node:crypto";
import type { CvdwObject } from "./catalogue.ts";
import type { Page, RawRecord } from "./page.ts";
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

/** A record that cannot land, because what it is, or which one, cannot be told. */
export type RefusedRecord = {
  /** Its place in the page, from 0. */
  readonly index: number;
  readonly raw: Buffer;
  readonly reason: RefusalReason;
  /** Of the raw bytes, like that of a record that lands. */
  readonly hash: string;
  /** Its key, where only the rest of it is broken. */
  readonly chave?: string;
};

/**
 * `no-key`: a key field is absent, null, false or blank. `unusable-key`: it is a list or an object, a
 * damaged text, or longer than an index can hold.
 */
export type RefusalReason = "not-an-object" | "broken-json" | KeyProblem;
type KeyProblem = "no-key" | "unusable-key";

/** A page's records: those that may land, and those that cannot. */
export type PageRecords = {
  readonly records: readonly LandingRecord[];
  readonly refused: readonly RefusedRecord[];
};

/** 128 bits, stored as a uuid. Processors hash SHA-256 twice as fast as MD5. */
const HASH_DIGITS = 32;
/** Characters. PostgreSQL indexes entries of up to 2,700 bytes. */
const MAX_KEY_LENGTH = 600;
/** U+FFFD, which stands for what could not be decoded. */
const REPLACEMENT = "\ufffd";

/** Fields of each record that `toLandingRecords` reads, in its order. */
export function wantedFields(object: CvdwObject): readonly string[] {
  return ["referencia_data", ...object.key];
}

/**
 * Gives the records of a page their keys, dates and hashes.
 * @param page sliced with the `wantedFields` of the object
 */
export function toLandingRecords(object: CvdwObject, page: Page): PageRecords {
  const records: LandingRecord[] = [];
  const refused: RefusedRecord[] = [];
  for (const [index, raw] of page.records.entries()) {
    const digest = hash("sha256", raw.json, "hex").slice(0, HASH_DIGITS);
    const key = readKey(object, raw, digest);
    const broken = raw.damage === "invalid-utf8" ? undefined : raw.damage;
    if (broken === undefined && key.problem === undefined) {
      const date = fieldText(raw.fields[0]);
      const referenciaData = date === undefined ? undefined : parseWallClock(date);
      records.push({ chave: key.chave, referenciaData, hash: digest, json: raw.json });
      continue;
    }
    const chave = key.problem === undefined ? { chave: key.chave } : {};
    const reason = broken ?? key.problem ?? "unusable-key";
    refused.push({ index, raw: raw.json, reason, hash: digest, ...chave });
  }
  return { records, refused };
}

type Key =
  | { readonly problem: undefined; readonly chave: string }
  | { readonly problem: KeyProblem };

function readKey(object: CvdwObject, raw: RawRecord, digest: string): Key {
  let chave = "";
  for (let i = 1; i <= object.key.length; i++) {
    const value = raw.fields[i];
    if (value === undefined || value === "null" || value === "false") return { problem: "no-key" };
    const text = keyText(value);
    if (text === undefined) return { problem: "unusable-key" };
    if (text.trim() === "") return { problem: "no-key" };
    // Several damaged keys would become the same one.
    if (raw.damage === "invalid-utf8" && text.includes(REPLACEMENT)) {
      return { problem: "unusable-key" };
    }
    chave = i === 1 ? text : `${chave}|${text}`;
  }
  if (chave.length > MAX_KEY_LENGTH) return { problem: "unusable-key" };
  return { problem: undefined, chave: object.keyRepeats ? `${chave}|${digest}` : chave };
}

const STARTS_NUMBER = /^[-\d]/;
/** What text columns refuse, and what the engine's own keys begin with. */
const NUL = "\0";
const RESERVED_START = "\u0001";

/** A number's digits or a text; undefined for what cannot be a key. */
function keyText(raw: string): string | undefined {
  if (STARTS_NUMBER.test(raw)) return raw;
  const text = fieldText(raw);
  if (text === undefined || !raw.startsWith('"')) return undefined;
  if (text.includes(NUL) || text.startsWith(RESERVED_START)) return undefined;
  return isWellFormed(text) ? text : undefined;
}

/** Whether every surrogate has its other half: without it, it cannot be written as UTF-8. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
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
