/** The types of JSON values. */
export const jsonTypes = ["string", "number", "boolean", "null", "array", "object"] as const;
export type JsonType = (typeof jsonTypes)[number];

/** A top-level field of an object's records: how often it was seen, by the type of its value. */
export type ObservedField = {
  /** As the source names it. */
  readonly name: string;
  readonly counts: Readonly<Record<JsonType, number>>;
};

/**
 * Counts the top-level fields of the records that the slicer passes over. One observer serves all
 * pages of a load; a record that is read twice counts twice.
 *
 * Records of one object carry the same keys in the same order. So the bytes at hand are compared,
 * four at a time, with the key that followed the last one before: that also finds where the key
 * ends, in place of the slicer's own search, and pays for the counting.
 */
export type FieldObserver = {
  records: number;
  body: Buffer;
  view: DataView;
  /** The field seen last in this record; `start` before the first. */
  last: FieldCounter;
  readonly start: FieldCounter;
  readonly byKey: Map<string, FieldCounter>;
};

type FieldCounter = {
  /** Of the key and its closing quote, in bytes. */
  readonly length: number;
  /** Their bytes in words of four, little-endian, and those left over. */
  readonly words: Int32Array;
  readonly rest: number;
  readonly restMask: number;
  /** By the place of the type in `jsonTypes`; one more for what is no JSON. */
  readonly counts: Float64Array;
  /** The field that followed this one when it was last seen. */
  next: FieldCounter | undefined;
};

/** A source that puts values where names belong must not fill memory or the record of fields. */
const MAX_FIELDS = 1_000;
const MAX_NAME_LENGTH = 200;

const WORD = 4;
const NO_TYPE = jsonTypes.length;
const typeOfFirstByte = new Uint8Array(256).fill(NO_TYPE);
const firstBytes: { readonly [type in JsonType]: string } = {
  string: '"',
  number: "-0123456789",
  boolean: "tf",
  null: "n",
  array: "[",
  object: "{",
};
for (const [index, type] of jsonTypes.entries()) {
  for (const byte of Buffer.from(firstBytes[type])) typeOfFirstByte[byte] = index;
}

/** An observer that has seen nothing. */
export function createFieldObserver(): FieldObserver {
  const start = newCounter(Buffer.alloc(0));
  const body = Buffer.alloc(0);
  return { records: 0, body, view: viewOf(body), last: start, start, byKey: new Map() };
}

/** A record of the page begins. */
export function startRecord(observer: FieldObserver, body: Buffer): void {
  if (observer.body !== body) {
    observer.body = body;
    observer.view = viewOf(body);
  }
  observer.records++;
  observer.last = observer.start;
}

/**
 * The index after the closing quote of the key that starts at `at`, when it is the one expected
 * here. -1 when it is another: find its end, and tell `learnKey`.
 */
export function expectedKeyEnd(observer: FieldObserver, at: number): number {
  const { next } = observer.last;
  if (next === undefined) return -1;
  const end = at + next.length;
  const { view } = observer;
  // A page ends with brackets: the word that holds the rest reaches past it only if it is cut.
  if (end + WORD > view.byteLength) return -1;
  const { words } = next;
  let offset = at;
  for (let i = 0; i < words.length; i++) {
    if (view.getInt32(offset, true) !== words[i]) return -1;
    offset += WORD;
  }
  if ((view.getInt32(offset, true) & next.restMask) !== next.rest) return -1;
  observer.last = next;
  return end;
}

/** Looks up or adds the key between `from` and `end`, the index after its closing quote. */
export function learnKey(observer: FieldObserver, from: number, end: number): number {
  const text = observer.body.toString("latin1", from, end - 1);
  let field = observer.byKey.get(text);
  if (field === undefined) {
    field = newCounter(observer.body.subarray(from, end));
    if (observer.byKey.size < MAX_FIELDS) observer.byKey.set(text, field);
  }
  observer.last.next = field;
  observer.last = field;
  return end;
}

/** The value of the key found last starts with this byte. */
export function countValue(observer: FieldObserver, firstByte: number | undefined): void {
  const type = typeOfFirstByte[firstByte ?? 0] ?? NO_TYPE;
  const { counts } = observer.last;
  counts[type] = (counts[type] ?? 0) + 1;
}

/** The fields seen so far, in the order in which they first appeared. */
export function observedFields(observer: FieldObserver): readonly ObservedField[] {
  const byName = new Map<string, ObservedField>();
  for (const [key, { counts }] of observer.byKey) {
    const name = fieldName(key);
    const before = byName.get(name)?.counts;
    const entries = jsonTypes.map((type, index) => {
      return [type, (counts[index] ?? 0) + (before?.[type] ?? 0)] as const;
    });
    const total = entries.reduce((sum, [, count]) => sum + count, 0);
    if (total > 0) byName.set(name, { name, counts: Object.fromEntries(entries) as Counts });
  }
  return [...byName.values()];
}

type Counts = Record<JsonType, number>;

/** A key as PostgreSQL can keep it as text: one with escapes may be written in several ways. */
function fieldName(key: string): string {
  const raw = Buffer.from(key, "latin1").toString("utf8");
  const name = raw.includes("\\") ? unescaped(raw) : raw;
  return name
    .replaceAll("\0", "\ufffd")
    .slice(0, MAX_NAME_LENGTH)
    .replace(loneSurrogates, "\ufffd");
}

const loneSurrogates = /\p{Surrogate}/gu;

function unescaped(raw: string): string {
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    return raw;
  }
}

function newCounter(key: Buffer): FieldCounter {
  const padded = Buffer.alloc(key.length + WORD);
  padded.set(key);
  const whole = Math.floor(key.length / WORD);
  const words = Int32Array.from({ length: whole }, (_, i) => padded.readInt32LE(i * WORD));
  const restMask = 2 ** ((key.length % WORD) * 8) - 1;
  return {
    length: key.length,
    words,
    rest: padded.readInt32LE(whole * WORD) & restMask,
    restMask,
    counts: new Float64Array(NO_TYPE + 1),
    next: undefined,
  };
}

function viewOf(body: Buffer): DataView {
  return new DataView(body.buffer, body.byteOffset, body.byteLength);
}
