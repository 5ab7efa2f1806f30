import { isUtf8 } from "node:buffer";

/** A record's JSON in a form that jsonb can hold. */
export type Repair = {
  readonly json: Buffer;
  /** What was found first. */
  readonly kind: RepairKind;
};

/** What jsonb refuses and another form of the same JSON avoids. */
export type RepairKind =
  | "invalid-utf8"
  | "nul-character"
  | "lone-surrogate"
  | "control-character"
  | "number-out-of-range";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const MINUS = 0x2d;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const LETTER_U = 0x75;
/** U+FFFD as a JSON escape, as long as the escape that it replaces. */
const REPLACEMENT_ESCAPE = "\\ufffd";
const ESCAPE_LENGTH = REPLACEMENT_ESCAPE.length;
const NUMBER = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** Digits that PostgreSQL's numeric holds before and after the decimal point. */
const MAX_INTEGER_DIGITS = 131_072;
const MAX_FRACTION_DIGITS = 16_383;
const MAX_EXPONENT = 2 ** 30;
/** Characters of numbers that fit whatever they are: 1e-9999 is the smallest. */
const FITTING_LENGTH = 7;

/**
 * Rewrites what jsonb refuses in a JSON text: what has no character (`\u0000`, half a surrogate pair,
 * bytes that are not UTF-8) becomes U+FFFD, a raw control character its escape, and a number beyond
 * the range of numeric a text of the same digits. Nothing else changes by a byte. What breaks JSON's
 * grammar stays broken.
 *
 * @returns undefined when there is nothing to repair
 */
export function repairJson(raw: Buffer): Repair | undefined {
  const valid = isUtf8(raw);
  const text = valid ? raw : Buffer.from(raw.toString("utf8"));
  let kind: RepairKind | undefined = valid ? undefined : "invalid-utf8";
  const parts: Buffer[] = [];
  let kept = 0;
  const replace = (from: number, end: number, by: string, why: RepairKind): void => {
    parts.push(text.subarray(kept, from), Buffer.from(by));
    kept = end;
    kind ??= why;
  };

  let inString = false;
  for (let at = 0; at < text.length; ) {
    const byte = text[at] ?? 0;
    if (byte === QUOTE) {
      inString = !inString;
      at++;
    } else if (inString) {
      at = repairCharacter(text, at, byte, replace);
    } else if (byte === MINUS || isDigit(byte)) {
      const end = numberEnd(text, at);
      const number = end - at > FITTING_LENGTH ? text.toString("latin1", at, end) : undefined;
      if (number !== undefined && !fitsNumeric(number)) {
        replace(at, end, `"${number}"`, "number-out-of-range");
      }
      at = end;
    } else {
      at++;
    }
  }
  if (kind === undefined) return undefined;
  return { json: Buffer.concat([...parts, text.subarray(kept)]), kind };
}

type Replace = (from: number, end: number, by: string, why: RepairKind) => void;

/** Repairs one character or escape inside a string and returns the index after it. */
function repairCharacter(text: Buffer, at: number, byte: number, replace: Replace): number {
  if (byte === 0) {
    replace(at, at + 1, REPLACEMENT_ESCAPE, "nul-character");
  } else if (byte < SPACE) {
    replace(at, at + 1, `\\u${byte.toString(16).padStart(4, "0")}`, "control-character");
  } else if (byte === BACKSLASH) {
    return repairEscape(text, at, replace);
  }
  return at + 1;
}

function repairEscape(text: Buffer, at: number, replace: Replace): number {
  if (text[at + 1] !== LETTER_U) return at + 2;
  const unit = escapedUnit(text, at);
  const end = at + ESCAPE_LENGTH;
  if (unit === 0) {
    replace(at, end, REPLACEMENT_ESCAPE, "nul-character");
  } else if (isHighSurrogate(unit) && isLowSurrogate(escapedUnit(text, end))) {
    return end + ESCAPE_LENGTH;
  } else if (isHighSurrogate(unit) || isLowSurrogate(unit)) {
    replace(at, end, REPLACEMENT_ESCAPE, "lone-surrogate");
  } else if (unit === undefined) {
    return at + 2;
  }
  return end;
}

/** The UTF-16 unit of the `\uXXXX` that starts at `at`; undefined when there is none. */
function escapedUnit(text: Buffer, at: number): number | undefined {
  const match = /^\\u([\da-fA-F]{4})$/.exec(text.toString("latin1", at, at + ESCAPE_LENGTH));
  return match?.[1] === undefined ? undefined : Number.parseInt(match[1], 16);
}

function isHighSurrogate(unit: number | undefined): boolean {
  return unit !== undefined && unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number | undefined): boolean {
  return unit !== undefined && unit >= 0xdc00 && unit <= 0xdfff;
}

function isDigit(byte: number): boolean {
  return byte >= DIGIT_0 && byte <= DIGIT_9;
}

function numberEnd(text: Buffer, from: number): number {
  let at = from + 1;
  for (; at < text.length; at++) {
    const byte = text[at] ?? 0;
    const belongs = isDigit(byte) || (byte !== 0 && "+-.eE".includes(String.fromCharCode(byte)));
    if (!belongs) break;
  }
  return at;
}

/** Whether numeric holds it. What is no number does not need another form: it breaks the grammar. */
function fitsNumeric(number: string): boolean {
  const [, integer = "", fraction = "", exponentText = "0"] = NUMBER.exec(number) ?? [];
  const exponent = Number(exponentText);
  if (Math.abs(exponent) >= MAX_EXPONENT - 1) return false;
  if (Math.max(0, fraction.length - exponent) > MAX_FRACTION_DIGITS) return false;
  const digits = `${integer}${fraction}`;
  const leadingZeros = digits.search(/[1-9]/);
  if (leadingZeros < 0) return true;
  return integer.length - leadingZeros + exponent <= MAX_INTEGER_DIGITS;
}
