import { hash } from "node:crypto";
import { digitsOf, fold } from "./fold.ts";
import type { Load } from "./land.ts";
import { BROKER_ID, clientIds, idAliases, ownIds } from "./personal-fields.ts";
import type { PlacedRecords } from "./quarantine.ts";
import { type Queryable, query, sql } from "./query.ts";
import type { LandingRecord, RefusedRecord } from "./record.ts";
import { candidatesOf, type Person, redactRecord } from "./redact.ts";

/** Recognises people who were forgotten, without knowing who they are. */
export type Tombstones = {
  readonly person: Person;
  /** Whether a record may be of somebody forgotten. */
  readonly mayConcern: (object: string, chave: string | undefined, json: Buffer) => boolean;
};

/** What a tombstone stands for, before it is hashed. */
export const trait = {
  key: (object: string, chave: string) => `key ${object} ${chave}`,
  mention: (object: string, chave: string) => `mention ${object} ${chave}`,
  document: (digits: string) => `document ${digits}`,
  id: (kind: string, id: string) => `id ${kind} ${id}`,
  /** Of whom an id is, an id of that kind is known. */
  owned: ([kind, id]: readonly [string, string], own: string) => `owned ${kind} ${id} ${own}`,
  near: (kind: string, id: string) => `near ${kind} ${id}`,
  value: (text: string) =>
    `value ${digitsOf(text) ?? (text.includes("@") ? fold(text) : wordsOf(text).join(" "))}`,
} as const;

/**
 * The mark of a trait in an account. Without the database's secret nothing can be told from it. The
 * secret is hashed in front: an HMAC, which takes five times as long here, would only keep others from
 * making marks of longer traits.
 */
export function markOf(secret: string, conta: string, of: string): string {
  return hash("sha256", `${secret}\n${conta}\n${of}`, "hex");
}

/** The secret under which this database hashes tombstones. */
export async function tombstoneSecret(database: Queryable): Promise<string> {
  const [row] = await query<{ value: string }>(
    database,
    sql`select value from elt.secrets where name = 'tombstones'`,
  );
  if (row === undefined) throw new Error("elt.secrets has no secret for tombstones");
  return row.value;
}

/** The tombstones of an account; undefined when nobody was forgotten. */
export async function readTombstones(
  database: Queryable,
  conta: string,
): Promise<Tombstones | undefined> {
  const rows = await query<{ mark: string }>(
    database,
    sql`select mark from elt.tombstones where conta = ${conta}`,
  );
  if (rows.length === 0) return undefined;
  const marks = new Set(rows.map(({ mark }) => mark));
  return recogniseBy(marks, await tombstoneSecret(database), conta);
}

const REMEMBERED = 20_000;

/** Recognises by marks of one account. */
export function recogniseBy(marks: ReadonlySet<string>, secret: string, conta: string): Tombstones {
  const has = (of: string) => marks.has(markOf(secret, conta, of));
  // Brokers, sales and leads come again and again: their ids are hashed once.
  const asked = new Map<string, boolean>();
  const hasAgain = (of: string): boolean => {
    const known = asked.get(of);
    if (known !== undefined) return known;
    if (asked.size >= REMEMBERED) asked.clear();
    const found = has(of);
    asked.set(of, found);
    return found;
  };
  const isMentioned = (text: string): boolean => {
    const digits = text.includes("@") ? undefined : digitsOf(text);
    return hasAgain(digits === undefined ? trait.value(text) : trait.document(digits));
  };
  const isIdentifiedIn = (text: string): boolean =>
    numbersIn(text).some((digits) => has(trait.document(digits))) ||
    emailsIn(text).some((email) => has(trait.value(email)));
  const person: Person = {
    hasDocument: (digits) => has(trait.document(digits)),
    hasEmail: (email) => has(trait.value(email)),
    hasKey: (object, chave) => has(trait.key(object, chave)),
    hasId: (kind, id) => hasAgain(trait.id(kind, id)),
    isOthers: (kind, id, by) =>
      ownIds.includes(kind) && has(trait.owned(by, kind)) && !has(trait.id(kind, id)),
    isNear: (kind, id) => hasAgain(trait.near(kind, id)),
    isMentionedBy: (object, chave) => has(trait.mention(object, chave)),
    isNamedIn: (text) =>
      isIdentifiedIn(text) || partsOf(text).some((part) => has(trait.value(part))),
    isIdentifiedIn,
  };
  return {
    person,
    mayConcern: (object, chave, json) => {
      if (chave !== undefined) {
        if (person.hasKey(object, chave) || person.isMentionedBy(object, chave)) return true;
      }
      const { documents, emails, ids, mentioned } = candidatesOf(json);
      return (
        documents.some(person.hasDocument) ||
        emails.some(person.hasEmail) ||
        mentioned.some(isMentioned) ||
        ids.some(([field, id]) =>
          kindsOf(object, field).some((kind) => person.hasId(kind, id) || person.isNear(kind, id)),
        )
      );
    },
  };
}

/** Whole words of the longest name that is looked for within a text. */
const LONGEST_NAME = 8;

/** A text may be a value, or hold one: hashes can only be asked for whole values. */
function partsOf(text: string): readonly string[] {
  const words = wordsOf(text);
  const parts = [text, ...numbersIn(text), ...emailsIn(text)];
  for (let from = 0; from < words.length; from++) {
    for (let length = 2; length <= LONGEST_NAME && from + length <= words.length; length++) {
      parts.push(words.slice(from, from + length).join(" "));
    }
  }
  return parts;
}

function wordsOf(text: string): readonly string[] {
  return fold(text).match(/[\p{L}\p{N}]+/gu) ?? [];
}

function numbersIn(text: string): readonly string[] {
  const written = text.match(/\+?\(?\d[\d.\-/()]*(?: ?[\d.\-/()]+)*\d/g) ?? [];
  return [...written, ...(text.match(/\d[\d.\-/]*\d/g) ?? [])].flatMap(
    (one) => digitsOf(one) ?? [],
  );
}

function emailsIn(text: string): readonly string[] {
  return text.toLowerCase().match(/[^\s@,;<>()"':]+@[^\s@,;<>()"':]+\.[^\s@,;<>()"':.]+/g) ?? [];
}

function kindsOf(object: string, field: string): readonly string[] {
  const alias = idAliases[object]?.[field];
  if (alias !== undefined) return [alias];
  if (field === "idfuncionalidade") return object === "campos_adicionais" ? clientIds : [];
  return field === BROKER_ID || clientIds.some((id) => id === field) ? [field] : [];
}

/** A person is not forgotten while its account is extracted, so a load needs to look only once. */
const ofLoads = new WeakMap<Load, Promise<Tombstones | undefined>>();

/**
 * Takes out of pages what is about people who were forgotten, before anything of it reaches the
 * database. Costs one query per load while nobody was forgotten.
 */
export async function withoutForgotten<Page extends PlacedRecords>(
  database: Queryable,
  load: Load,
  pages: readonly Page[],
): Promise<readonly Page[]> {
  let reading = ofLoads.get(load);
  if (reading === undefined) {
    reading = readTombstones(database, load.conta);
    ofLoads.set(load, reading);
    reading.catch(() => ofLoads.delete(load));
  }
  const tombstones = await reading;
  if (tombstones === undefined) return pages;
  return pages.map((page) => ({
    ...page,
    records: page.records.map((record) => redactLanding(tombstones, load.object, record)),
    refused: page.refused.map((record) => redactRefused(tombstones, load.object, record)),
  }));
}

function redactLanding(
  { person, mayConcern }: Tombstones,
  object: string,
  record: LandingRecord,
): LandingRecord {
  const { chave, json } = record;
  if (!mayConcern(object, chave, json)) return record;
  const redacted = redactRecord({ json, object, chave, person })?.json ?? unreadable(json, chave);
  return redacted === json ? record : { ...record, json: redacted, hash: rawHash(redacted) };
}

function redactRefused(
  { person, mayConcern }: Tombstones,
  object: string,
  record: RefusedRecord,
): RefusedRecord {
  const { chave, raw } = record;
  if (!mayConcern(object, chave, raw)) return record;
  const redacted =
    redactRecord({ json: raw, object, chave, person })?.json ?? unreadable(raw, chave);
  return redacted === raw ? record : { ...record, raw: redacted, hash: rawHash(redacted) };
}

/** Of what is no JSON nobody can tell which part is personal: that it was there is all that stays. */
export function unreadable(raw: Buffer, chave: string | undefined): Buffer {
  return Buffer.from(`{"apagado":${JSON.stringify(chave ?? rawHash(raw))},`);
}

/** Like the hash of a record that lands as it was sent. */
export function rawHash(json: Buffer): string {
  return hash("sha256", json, "hex").slice(0, 32);
}
