import { fold } from "../../extract/fold.ts";
import { ownIds } from "../../extract/personal-fields.ts";
import type { Learnt, Person, Redacted } from "../../extract/redact.ts";
import { markOf, trait } from "../../extract/tombstones.ts";

/** What is known of a person in one account; it grows while records are read. */
export type KnownPerson = Person & {
  /** Digits without leading zeros. */
  readonly documents: ReadonlySet<string>;
  readonly emails: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
  readonly phones: ReadonlySet<string>;
  /** Kind of id → ids. */
  readonly ids: ReadonlyMap<string, ReadonlySet<string>>;
  readonly keys: ReadonlyMap<string, ReadonlySet<string>>;
  /** Ids of others' records that name the person, by kind. */
  readonly near: ReadonlyMap<string, ReadonlySet<string>>;
  /** Takes in ids of records that name the person; true when one was new. */
  readonly learnNear: (learnt: Learnt) => boolean;
  /** Takes in that a record of others names the person. */
  readonly learnMention: (object: string, chave: string) => void;
  /** Takes in what a record of the person's own told; true when an id or an address was new. */
  readonly learn: (
    object: string,
    chave: string,
    record: Pick<Redacted, "by" | "learnt">,
  ) => boolean;
  /** Whether a text holds any value of the person; of names also those that a namesake has. */
  readonly isTracedIn: (text: string) => boolean;
  /** By what the person is recognised from now on, hashed. */
  readonly marks: (secret: string, conta: string) => readonly string[];
};

/** Begins with what a person was looked for by. */
export function knownPerson(start: {
  readonly document: string | undefined;
  readonly email: string | undefined;
}): KnownPerson {
  const documents = new Set(start.document === undefined ? [] : [withoutZeros(start.document)]);
  const emails = new Set(start.email === undefined ? [] : [start.email]);
  const names = new Set<string>();
  const phones = new Set<string>();
  const ids = new Map<string, Set<string>>();
  const keys = new Map<string, Set<string>>();
  const mentions = new Map<string, Set<string>>();
  const near = new Map<string, Set<string>>();
  const certain = new Set<string>();

  const isIdentifiedIn = (text: string): boolean =>
    [...documents].some((digits) => numberPattern(digits, "0*").test(text)) ||
    (text.includes("@") && [...emails].some((email) => hasWord(text.toLowerCase(), email)));
  const hasPhone = (text: string): boolean =>
    /\d{4}/.test(text) && [...phones].some((digits) => numberPattern(digits, "[0+5]*").test(text));
  const hasName = (text: string): boolean => {
    const folded = fold(text);
    return [...names].some(
      (name) => folded === name || (name.includes(" ") && hasWord(folded, name)),
    );
  };
  const isTracedIn = (text: string) => isIdentifiedIn(text) || hasPhone(text) || hasName(text);

  return {
    documents,
    emails,
    names,
    phones,
    ids,
    keys,
    hasDocument: (digits) => documents.has(digits),
    hasEmail: (email) => emails.has(email),
    hasKey: (object, chave) => keys.get(object)?.has(chave) ?? false,
    hasId: (kind, id) => ids.get(kind)?.has(id) ?? false,
    near,
    isOthers: (kind, id) =>
      ownIds.includes(kind) && certain.has(kind) && !(ids.get(kind)?.has(id) ?? false),
    isNear: (kind, id) => near.get(kind)?.has(id) ?? false,
    learnNear(learnt) {
      const before = sizeOf(near);
      for (const [kind, id] of learnt.near) add(near, kind, id);
      return sizeOf(near) > before;
    },
    isMentionedBy: (object, chave) => mentions.get(object)?.has(chave) ?? false,
    learnMention: (object, chave) => add(mentions, object, chave),
    isNamedIn: isTracedIn,
    isIdentifiedIn,
    isTracedIn,
    learn(object, chave, { by, learnt }) {
      const before = sizeOf(ids) + emails.size + sizeOf(keys);
      add(keys, object, chave);
      for (const [kind, id] of learnt.ids) add(ids, kind, id);
      for (const email of learnt.emails) emails.add(email);
      if (by === "document") for (const [kind] of learnt.ids) certain.add(kind);
      // A sale's records may name who bought it before.
      if (by === "document" || /^(leads|precadastro|pessoas)/.test(object)) {
        for (const name of learnt.names) names.add(name);
      }
      for (const phone of learnt.phones) phones.add(withoutZeros(phone));
      return sizeOf(ids) + emails.size + sizeOf(keys) > before;
    },
    marks: (secret, conta) =>
      [
        ...pairs(keys).map(([object, chave]) => trait.key(object, chave)),
        ...pairs(mentions).map(([object, chave]) => trait.mention(object, chave)),
        ...ownIds
          .filter((own) => certain.has(own))
          .flatMap((own) => pairs(ids).map((by) => trait.owned(by, own))),
        ...pairs(near).map(([kind, id]) => trait.near(kind, id)),
        ...pairs(ids).map(([kind, id]) => trait.id(kind, id)),
        ...[...documents].map(trait.document),
        ...[...emails, ...names, ...phones].map(trait.value),
      ].map((of) => markOf(secret, conta, of)),
  };
}

/** A number as people write it, apart from other digits. */
function numberPattern(digits: string, before: string): RegExp {
  return new RegExp(`(?<!\\d)${before}${[...digits].join("[\\s().\\-/]{0,2}")}(?!\\d)`);
}

function hasWord(text: string, word: string): boolean {
  const at = text.indexOf(word);
  if (at < 0) return false;
  const isLetter = (character: string | undefined) => /[\p{L}\p{N}]/u.test(character ?? "");
  if (!isLetter(text[at - 1]) && !isLetter(text[at + word.length])) return true;
  return hasWord(text.slice(at + 1), word);
}

function withoutZeros(digits: string): string {
  return digits.replace(/^0+/, "");
}

function add(to: Map<string, Set<string>>, name: string, value: string): void {
  const known = to.get(name) ?? new Set<string>();
  to.set(name, known.add(value));
}

function pairs(
  of: ReadonlyMap<string, ReadonlySet<string>>,
): readonly (readonly [string, string])[] {
  return [...of].flatMap(([name, values]) => [...values].map((value) => [name, value] as const));
}

function sizeOf(of: ReadonlyMap<string, ReadonlySet<string>>): number {
  return pairs(of).length;
}
