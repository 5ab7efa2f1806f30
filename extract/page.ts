import { isUtf8 } from "node:buffer";
import {
  countValue,
  createFieldObserver,
  expectedKeyEnd,
  type FieldObserver,
  learnKey,
  startRecord,
} from "./fields.ts";

/** One item of a page's `dados`, still the bytes that the source sent. */
export type RawRecord = {
  readonly json: Buffer;
  /** Raw JSON of the wanted fields, in the order asked for; undefined where absent. */
  readonly fields: readonly (string | undefined)[];
  /** What slicing saw to be wrong with it. PostgreSQL, which parses it, may find more. */
  readonly damage?: RecordDamage | undefined;
};

/** The item is no object, its JSON breaks off in the middle, or it has bytes that are not UTF-8. */
export type RecordDamage = "not-an-object" | "broken-json" | "invalid-utf8";

/** A page of CVDW: its totals, and its records as raw text. */
export type Page = {
  readonly totalRecords: number;
  readonly totalPages: number;
  readonly records: readonly RawRecord[];
};

/** The body is not a page of CVDW; the message says where it stops being one. */
export class PageSyntaxError extends Error {
  override readonly name: string = "PageSyntaxError";
}

/** The body is the beginning of something longer. */
class CutBodyError extends PageSyntaxError {
  override readonly name = "CutBodyError";
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const SPACE = 0x20;

/**
 * Slices the records out of a page without parsing them: a parser would round big numbers, and
 * costs three times as much. PostgreSQL checks each record's JSON when it lands. A damaged record
 * costs no other one, as long as it can be told where it ends.
 *
 * @param body the whole answer, UTF-8
 * @param wanted names of top-level fields whose raw JSON is needed (key, referencia_data)
 * @param observer counts the fields of every record
 * @throws PageSyntaxError when the envelope is not the one of CVDW
 */
export function slicePage(
  body: Buffer,
  wanted: readonly string[],
  observer: FieldObserver = createFieldObserver(),
): Page {
  const names = wanted.map((name) => Buffer.from(name));
  const records: RawRecord[] = [];
  const envelope = new Map<string, string>();
  let sawRecords = false;

  let at = expect(body, skipSpace(body, 0), OPEN_BRACE, "an object");
  at = skipSpace(body, at);
  while (body[at] !== CLOSE_BRACE) {
    const keyEnd = skipString(body, expect(body, at, QUOTE, "a key"));
    const key = body.toString("latin1", at + 1, keyEnd - 1);
    at = expect(body, skipSpace(body, keyEnd), COLON, "a colon");
    at = skipSpace(body, at);
    if (key === "dados" && body[at] === OPEN_BRACKET) {
      at = sliceRecords(body, at + 1, names, records, observer);
      sawRecords = true;
    } else {
      const end = skipValue(body, at);
      envelope.set(key, body.toString("utf8", at, end));
      at = end;
    }
    at = skipSpace(body, at);
    if (body[at] === COMMA) at = skipSpace(body, at + 1);
    else if (body[at] !== CLOSE_BRACE) throw unexpected(body, at, "a comma or the end");
  }
  if (skipSpace(body, at + 1) !== body.length) {
    throw unexpected(body, skipSpace(body, at + 1), "nothing after the envelope");
  }
  if (!sawRecords) throw new PageSyntaxError("there is no list `dados` in the envelope");
  return {
    totalRecords: count(envelope, "total_de_registros"),
    totalPages: count(envelope, "total_de_paginas"),
    records: isUtf8(body) ? records : records.map(withUtf8Checked),
  };
}

/** Slices one record that was sliced out of a page before. */
export function sliceItem(item: Buffer, wanted: readonly string[]): RawRecord {
  const names = wanted.map((name) => Buffer.from(name));
  const fields: (string | undefined)[] = new Array(names.length).fill(undefined);
  let damage: RecordDamage | undefined;
  if (item[0] !== OPEN_BRACE) {
    damage = "not-an-object";
  } else {
    try {
      const end = sliceRecord(item, 0, names, fields, createFieldObserver());
      if (end !== item.length) damage = "broken-json";
    } catch (error) {
      if (!(error instanceof PageSyntaxError)) throw error;
      damage = "broken-json";
    }
  }
  return withUtf8Checked({ json: item, fields, damage });
}

function withUtf8Checked(record: RawRecord): RawRecord {
  if (record.damage !== undefined || isUtf8(record.json)) return record;
  return { ...record, damage: "invalid-utf8" };
}

function sliceRecords(
  body: Buffer,
  from: number,
  names: readonly Buffer[],
  records: RawRecord[],
  observer: FieldObserver,
): number {
  let at = skipSpace(body, from);
  while (body[at] !== CLOSE_BRACKET) {
    const fields: (string | undefined)[] = new Array(names.length).fill(undefined);
    let damage: RecordDamage | undefined;
    let end: number;
    if (body[at] === OPEN_BRACE) {
      try {
        end = sliceRecord(body, at, names, fields, observer);
      } catch (error) {
        // A body that was cut has no damaged record: what is missing must be asked for again.
        if (!(error instanceof PageSyntaxError) || error instanceof CutBodyError) throw error;
        end = brokenRecordEnd(body, at, records, error);
        damage = "broken-json";
      }
    } else {
      end = skipValue(body, at);
      damage = "not-an-object";
    }
    records.push({ json: body.subarray(at, end), fields, damage });
    at = skipSpace(body, end);
    if (body[at] === COMMA) at = skipSpace(body, at + 1);
    else if (body[at] !== CLOSE_BRACKET) throw unexpected(body, at, "a comma or the end of dados");
  }
  return at + 1;
}

function sliceRecord(
  body: Buffer,
  from: number,
  names: readonly Buffer[],
  fields: (string | undefined)[],
  observer: FieldObserver,
): number {
  startRecord(observer, body);
  let at = skipSpace(body, from + 1);
  while (body[at] !== CLOSE_BRACE) {
    const keyStart = expect(body, at, QUOTE, "a key");
    let keyEnd = expectedKeyEnd(observer, keyStart);
    if (keyEnd < 0) keyEnd = learnKey(observer, keyStart, skipString(body, keyStart));
    at = expect(body, skipSpace(body, keyEnd), COLON, "a colon");
    at = skipSpace(body, at);
    countValue(observer, body[at]);
    const valueEnd = skipValue(body, at);
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      if (
        name !== undefined &&
        name.length === keyEnd - 1 - keyStart &&
        name.compare(body, keyStart, keyEnd - 1) === 0
      ) {
        fields[i] = body.toString("utf8", at, valueEnd);
      }
    }
    at = skipSpace(body, valueEnd);
    if (body[at] === COMMA) at = skipSpace(body, at + 1);
    else if (body[at] !== CLOSE_BRACE) throw unexpected(body, at, "a comma or the end of a record");
  }
  return at + 1;
}

/**
 * Index after a record whose JSON is broken: where its braces close, unless a quote too many or too
 * few hid the records after it. Those begin like the ones before, with the same key.
 */
function brokenRecordEnd(
  body: Buffer,
  from: number,
  before: readonly RawRecord[],
  error: PageSyntaxError,
): number {
  const closed = closingBrace(body, from);
  const intact = before.find(({ damage }) => damage === undefined);
  const start = intact === undefined ? firstKey(body, from) : firstKey(intact.json, 0);
  const seam = start === undefined ? undefined : recordSeam(body, from + 1, start);
  if (seam !== undefined && (closed === undefined || seam < closed)) return seam;
  if (closed !== undefined) return closed;
  const last = skipSpaceBack(body, body.lastIndexOf(CLOSE_BRACKET));
  if (last <= from || body[last - 1] !== CLOSE_BRACE) throw error;
  return last;
}

/** Index after the record, when its braces match and what follows is its list. */
function closingBrace(body: Buffer, from: number): number | undefined {
  let end: number;
  try {
    end = skipValue(body, from);
  } catch (error) {
    if (error instanceof PageSyntaxError) return undefined;
    throw error;
  }
  const next = body[skipSpace(body, end)];
  if (body[end - 1] !== CLOSE_BRACE) return undefined;
  return next === COMMA || next === CLOSE_BRACKET ? end : undefined;
}

/** A record's first bytes: its brace and its first key with both quotes. */
function firstKey(body: Buffer, from: number): Buffer | undefined {
  const quote = skipSpace(body, from + 1);
  if (body[quote] !== QUOTE) return undefined;
  const end = body.indexOf(QUOTE, quote + 1);
  const between = body.subarray(quote + 1, end);
  return end < 0 || between.includes(BACKSLASH) ? undefined : body.subarray(from, end + 1);
}

/** Index after the brace that closes a record, where the next one begins with `start`. */
function recordSeam(body: Buffer, from: number, start: Buffer): number | undefined {
  for (let at = body.indexOf(start, from); at >= 0; at = body.indexOf(start, at + 1)) {
    const comma = skipSpaceBack(body, at);
    if (body[comma - 1] !== COMMA) continue;
    const end = skipSpaceBack(body, comma - 1);
    if (body[end - 1] === CLOSE_BRACE) return end;
  }
  return undefined;
}

/** Index after the value that starts at `at`. Nested values are matched by depth only. */
function skipValue(body: Buffer, at: number): number {
  const first = body[at];
  if (first === QUOTE) return skipString(body, at + 1);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return skipLiteral(body, at);
  let depth = 0;
  let i = at;
  for (;;) {
    const byte = body[i];
    if (byte === undefined) throw cut();
    if (byte === QUOTE) {
      i = skipString(body, i + 1);
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    i++;
    if (depth === 0) return i;
  }
}

/** Index after the closing quote; `at` is the first byte inside. */
function skipString(body: Buffer, at: number): number {
  let i = at;
  for (;;) {
    const byte = body[i];
    if (byte === QUOTE) return i + 1;
    if (byte === undefined) throw cut();
    i += byte === BACKSLASH ? 2 : 1;
  }
}

function skipLiteral(body: Buffer, at: number): number {
  let i = at;
  for (;;) {
    const byte = body[i];
    if (byte === undefined) throw cut();
    if (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte <= SPACE) {
      if (i === at) throw unexpected(body, at, "a value");
      return i;
    }
    i++;
  }
}

function skipSpace(body: Buffer, at: number): number {
  let i = at;
  while (isSpace(body[i])) i++;
  return i;
}

/** Index after the last byte before `at` that is no space. */
function skipSpaceBack(body: Buffer, at: number): number {
  let i = at;
  while (isSpace(body[i - 1])) i--;
  return i;
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function expect(body: Buffer, at: number, byte: number, what: string): number {
  if (body[at] !== byte) throw unexpected(body, at, what);
  return at + 1;
}

function unexpected(body: Buffer, at: number, what: string): PageSyntaxError {
  if (at >= body.length) return cut();
  return new PageSyntaxError(`byte ${at} of ${body.length} should be ${what}`);
}

function cut(): PageSyntaxError {
  return new CutBodyError("the body ends in the middle");
}

function count(envelope: ReadonlyMap<string, string>, name: string): number {
  const raw = envelope.get(name);
  const value = raw === undefined ? Number.NaN : Number(raw.replace(/^"(.*)"$/, "$1"));
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new PageSyntaxError(`${name} is ${raw ?? "missing"}, not a count`);
  }
  return value;
}
