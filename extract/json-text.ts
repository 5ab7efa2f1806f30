/** A value in a JSON text and the bytes that it takes. */
export type JsonNode = {
  readonly start: number;
  readonly end: number;
} & (
  | { readonly kind: "object"; readonly entries: readonly JsonEntry[] }
  | { readonly kind: "array"; readonly items: readonly JsonNode[] }
  | { readonly kind: "string" | "other" }
);

export type JsonEntry = { readonly name: string; readonly value: JsonNode };

const STRING = /"(?:[^"\\]|\\.)*"/sy;
const OTHER = /[^\s,\]}]+/y;
const SPACE = /[ \t\n\r]*/y;

/**
 * Finds the values of a JSON text without changing any: a parser would round numbers and refuse what
 * PostgreSQL takes. Bytes that are no UTF-8 are left where they are.
 * @returns undefined when the text is not one JSON value
 */
export function readJsonText(json: Buffer): JsonNode | undefined {
  try {
    const text = json.toString("latin1");
    const root = readValue(text, skip(SPACE, text, 0));
    return skip(SPACE, text, root.end) === text.length ? root : undefined;
  } catch (error) {
    // Deeper than the stack: PostgreSQL refuses such a record, too.
    if (error instanceof BrokenText || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** A string or number of a JSON text, as text; undefined for anything else. */
export function scalarText(json: Buffer, { kind, start, end }: JsonNode): string | undefined {
  const raw = json.toString("utf8", start, end);
  if (kind === "other") return /^-?\d/.test(raw) ? raw : undefined;
  if (kind !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === "string" ? value : undefined;
  } catch {
    // Control characters: what it says can be read all the same.
    return raw.slice(1, -1);
  }
}

class BrokenText extends Error {
  override readonly name = "BrokenText";
}

function readValue(text: string, start: number): JsonNode {
  const first = text[start];
  if (first === '"') return { kind: "string", start, end: need(STRING, text, start) };
  if (first === "{") return readObject(text, start);
  if (first === "[") return readArray(text, start);
  return { kind: "other", start, end: need(OTHER, text, start) };
}

function readObject(text: string, start: number): JsonNode {
  const entries: JsonEntry[] = [];
  let at = skip(SPACE, text, start + 1);
  while (text[at] !== "}") {
    const nameEnd = need(STRING, text, at);
    const name = text.slice(at + 1, nameEnd - 1);
    at = skip(SPACE, text, nameEnd);
    if (text[at] !== ":") throw new BrokenText();
    const value = readValue(text, skip(SPACE, text, at + 1));
    entries.push({ name, value });
    at = nextItem(text, value.end, "}");
  }
  return { kind: "object", entries, start, end: at + 1 };
}

function readArray(text: string, start: number): JsonNode {
  const items: JsonNode[] = [];
  let at = skip(SPACE, text, start + 1);
  while (text[at] !== "]") {
    const value = readValue(text, at);
    items.push(value);
    at = nextItem(text, value.end, "]");
  }
  return { kind: "array", items, start, end: at + 1 };
}

/** After a value: where the next one begins, or the closing character. */
function nextItem(text: string, after: number, close: string): number {
  const at = skip(SPACE, text, after);
  if (text[at] === ",") return skip(SPACE, text, at + 1);
  if (text[at] !== close) throw new BrokenText();
  return at;
}

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

function need(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  if (!pattern.test(text)) throw new BrokenText();
  return pattern.lastIndex;
}
