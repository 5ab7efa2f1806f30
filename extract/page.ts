import { isUtf8 } from "node:buffer";

/** One record of a page, still the bytes that the source sent. */
export type RawRecord = {
  readonly json: Buffer;
  /** Raw JSON of the wanted fields, in the order asked for; undefined where absent. */
  readonly fields: readonly (string | undefined)[];
};

/** A page of CVDW: its totals, and its records as raw text. */
export type Page = {
  readonly totalRecords: number;
  readonly totalPages: number;
  readonly records: readonly RawRecord[];
};

/** The body is not a page of CVDW; the message says where it stops being one. */
export class PageSyntaxError extends Error {
  override readonly name = "PageSyntaxError";
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
 * costs three times as much. PostgreSQL checks each record's JSON when it lands.
 *
 * @param body the whole answer, UTF-8
 * @param wanted names of top-level fields whose raw JSON is needed (key, referencia_data)
 * @throws PageSyntaxError when the envelope is not the one of CVDW
 */
export function slicePage(body: Buffer, wanted: readonly string[]): Page {
  if (!isUtf8(body)) throw new PageSyntaxError("the body is not valid UTF-8");
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
      at = sliceRecords(body, at + 1, names, records);
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
    records,
  };
}

function sliceRecords(
  body: Buffer,
  from: number,
  names: readonly Buffer[],
  records: RawRecord[],
): number {
  let at = skipSpace(body, from);
  while (body[at] !== CLOSE_BRACKET) {
    if (body[at] !== OPEN_BRACE) {
      throw unexpected(body, at, `an object as record ${records.length + 1}`);
    }
    const fields: (string | undefined)[] = new Array(names.length).fill(undefined);
    const end = sliceRecord(body, at, names, fields);
    records.push({ json: body.subarray(at, end), fields });
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
): number {
  let at = skipSpace(body, from + 1);
  while (body[at] !== CLOSE_BRACE) {
    const keyStart = expect(body, at, QUOTE, "a key");
    const keyEnd = skipString(body, keyStart);
    at = expect(body, skipSpace(body, keyEnd), COLON, "a colon");
    at = skipSpace(body, at);
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
  while (true) {
    const byte = body[i];
    if (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return i;
    i++;
  }
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
  return new PageSyntaxError("the body ends in the middle");
}

function count(envelope: ReadonlyMap<string, string>, name: string): number {
  const raw = envelope.get(name);
  const value = raw === undefined ? Number.NaN : Number(raw.replace(/^"(.*)"$/, "$1"));
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new PageSyntaxError(`${name} is ${raw ?? "missing"}, not a count`);
  }
  return value;
}
