import { digitsOf, fold } from "./fold.ts";
import { type JsonEntry, type JsonNode, readJsonText, scalarText } from "./json-text.ts";
import {
  BROKER_ID,
  clientIds,
  DOCUMENT_FIELD,
  EMAIL_FIELD,
  idAliases,
  idOfFunction,
  isPersonal,
  NAME_FIELD,
  ownerIds,
  ownIds,
  PHONE_FIELD,
  SALE_ID,
} from "./personal-fields.ts";

/** How a person is recognised: by what is known of it, or by tombstones alone. */
export type Person = {
  /** @param digits without leading zeros */
  readonly hasDocument: (digits: string) => boolean;
  /** @param email in lower case */
  readonly hasEmail: (email: string) => boolean;
  readonly hasKey: (object: string, chave: string) => boolean;
  /** Whether the record is known to name the person among other things. */
  readonly isMentionedBy: (object: string, chave: string) => boolean;
  readonly hasId: (kind: string, id: string) => boolean;
  /**
   * Whether an id of a kind is known to be somebody else's, since the person's own are others.
   * @param by the id by which the record was thought to be the person's
   */
  readonly isOthers: (kind: string, id: string, by: readonly [kind: string, id: string]) => boolean;
  /** Whether records with the id are of others and name the person: a broker's sales. */
  readonly isNear: (kind: string, id: string) => boolean;
  /** Whether a text, in a record that may concern the person, is or holds a value of the person. */
  readonly isNamedIn: (text: string) => boolean;
  /** Whether a text of any record holds what can only mean this person: document or e-mail. */
  readonly isIdentifiedIn: (text: string) => boolean;
};

/** What a record told of the person whose own it is. */
export type Learnt = {
  /** Of a record that names a broker: the sale that it is about. */
  readonly near: readonly (readonly [kind: string, id: string])[];
  readonly ids: readonly (readonly [kind: string, id: string])[];
  readonly names: readonly string[];
  readonly emails: readonly string[];
  readonly phones: readonly string[];
};

/**
 * `own`: the record, or a part of it, is the person's; `mention`: it names the person; `other`:
 * nothing in it is.
 */
export type Redacted = {
  readonly kind: "own" | "mention" | "other";
  /** Of an own record: what it was recognised by. */
  readonly by: "document" | "link";
  /** Without what is personal; the bytes given when nothing was. */
  readonly json: Buffer;
  readonly learnt: Learnt;
};

type Place = {
  readonly json: Buffer;
  readonly object: string;
  readonly chave: string | undefined;
  readonly person: Person;
};

type Found = {
  readonly cut: JsonNode[];
  readonly ids: [string, string][];
  readonly names: string[];
  readonly emails: string[];
  readonly phones: string[];
  kind: Redacted["kind"];
};

const EMAIL = /^[^\s@,;]+@[^\s@,;]+\.[^\s@,;]+$/;

/**
 * Makes null of everything that a record says of a person. Ids, figures and dates of sales stay, so
 * that no KPI changes; what PostgreSQL would read as other values is not touched.
 *
 * A record is the person's when it carries the document, or, without anybody's document, the
 * person's key or id. Of other records only the texts go that hold a value of the person.
 * @returns undefined when it cannot be read as JSON
 */
export function redactRecord(place: Place): Redacted | undefined {
  const root = readJsonText(place.json);
  if (root?.kind !== "object") return undefined;
  const found: Found = { cut: [], ids: [], names: [], emails: [], phones: [], kind: "other" };
  const [owner, isBroker] = ownerOf(place, root.entries);
  const { object, chave, person } = place;
  const ids = idsIn(place, root.entries);
  const isNear = ids.some(([kind, all]) => all.some((id) => person.isNear(kind, id)));
  const near = isBroker
    ? ids.flatMap(([kind, all]) => (kind === SALE_ID ? all.map(pairOf(kind)) : []))
    : [];
  const mentions =
    isBroker || isNear || (chave !== undefined && person.isMentionedBy(object, chave));
  const isTop = owner === "person" || (owner === "unknown" && isLinked(place, ids));
  if (isTop) {
    found.kind = "own";
    for (const [kind, all] of ids) {
      if (ownerIds(object).includes(kind)) found.ids.push(...all.map(pairOf(kind)));
    }
  }
  visit(place, root.entries, [], { own: isTop, near: isTop || mentions }, found);
  const { cut, names, emails, phones, kind } = found;
  const learnt = { ids: found.ids, near, names, emails, phones };
  const by = owner === "person" ? "document" : "link";
  return { kind, by, json: without(place.json, cut), learnt };
}

/**
 * What a record holds of that which tombstones are asked for: much cheaper than reading it. `documents`,
 * `emails` and `ids` stand in fields of their own; `mentioned` is what looks like a document or an
 * address, wherever it stands.
 */
export function candidatesOf(json: Buffer): {
  readonly documents: readonly string[];
  readonly emails: readonly string[];
  readonly ids: readonly (readonly [field: string, id: string])[];
  readonly mentioned: readonly string[];
} {
  // The source may write / as \/, which would cut a CNPJ in two.
  const text = json.toString("latin1").replaceAll("\\/", "/");
  const documents: string[] = [];
  const emails = [...text.matchAll(EMAIL_FIELDS)].map(([, email = ""]) => email.toLowerCase());
  const ids: [string, string][] = [];
  for (const [, field = "", value = ""] of text.matchAll(TELLING_FIELDS)) {
    if (DOCUMENT_FIELD.test(field)) {
      const digits = digitsOf(value.replace(/,.*$/, ""));
      if (digits !== undefined) documents.push(digits);
    } else {
      for (const id of value.match(/\d+/g) ?? []) ids.push([field, id]);
    }
  }
  return { documents, emails, ids, mentioned: mentionsIn(text) };
}

/** A CPF or CNPJ as people write it, also in a free text. */
const LONG_NUMBER = /\d[\d./-]{9,16}\d/g;
const BEFORE_AT = /[\w.+-]+$/;
const AFTER_AT = /^[\w-]+(?:\.[\w-]+)+/;
const LONGEST_PART = 64;

function mentionsIn(text: string): readonly string[] {
  const mentioned: string[] = text.match(LONG_NUMBER) ?? [];
  // From each @ outwards: looking for whole addresses costs ten times as much.
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    const [before = ""] = BEFORE_AT.exec(text.slice(Math.max(0, at - LONGEST_PART), at)) ?? [];
    const [after = ""] = AFTER_AT.exec(text.slice(at + 1, at + 1 + 2 * LONGEST_PART)) ?? [];
    if (before !== "" && after !== "") mentioned.push(`${before}@${after}`);
  }
  return mentioned;
}

const EMAIL_FIELDS =
  /"(?:email|email_cliente|email_lead|lead_email)"\s*:\s*"\s*([^"\s]+@[^"\s]+)\s*"/g;

const idFields = [
  ...clientIds,
  BROKER_ID,
  "idfuncionalidade",
  ...Object.values(idAliases).flatMap((names) => Object.keys(names)),
];
const TELLING_FIELDS = new RegExp(
  `"(documento|documento_cliente|documento_pessoa|cpf|cnpj|cpf_cnpj|${idFields.join("|")})"\\s*:\\s*"?([\\d][\\d\\s.,/-]*)`,
  "g",
);

const pairOf =
  (kind: string) =>
  (id: string): [string, string] => [kind, id];

type Owner = "person" | "somebody else" | "unknown";

/** Whose document stands in an object; and whether it is about the person as a broker. */
function ownerOf(
  { json, object, person }: Place,
  entries: readonly JsonEntry[],
): readonly [Owner, boolean] {
  let owner: Owner = "unknown";
  for (const { name, value } of entries) {
    if (!DOCUMENT_FIELD.test(name)) continue;
    const digits = digitsOf(scalarText(json, value) ?? "");
    if (digits === undefined) continue;
    if (person.hasDocument(digits)) return ["person", false];
    owner = "somebody else";
  }
  if (owner === "unknown" && entries.some((entry) => isEmailOf(json, entry, person))) {
    return ["person", false];
  }
  const broker = entries.find(({ name }) => name === BROKER_ID);
  const brokerId = broker === undefined ? undefined : scalarText(json, broker.value);
  const isBroker = brokerId !== undefined && person.hasId(BROKER_ID, brokerId);
  return [isBroker && owner === "unknown" && object === "corretores" ? "person" : owner, isBroker];
}

/** Leads often have no document: without one, the e-mail tells whose record it is. */
function isEmailOf(json: Buffer, { name, value }: JsonEntry, person: Person): boolean {
  if (!EMAIL_FIELD.test(name)) return false;
  const text = scalarText(json, value)?.trim().toLowerCase();
  return text !== undefined && EMAIL.test(text) && person.hasEmail(text);
}

/** A sale keeps its id when its buyer changes: what names another client by id is that one's. */
function isLinked({ person, object, chave }: Place, ids: ReturnType<typeof idsIn>): boolean {
  if (chave !== undefined && person.hasKey(object, chave)) return true;
  const pairs = ids.flatMap(([kind, all]) => all.map(pairOf(kind)));
  const links = pairs.filter(([kind, id]) => person.hasId(kind, id));
  if (links.some(([kind]) => ownIds.includes(kind))) return true;
  return links.some((by) => !pairs.some(([kind, id]) => person.isOthers(kind, id, by)));
}

/** The client's ids in an object, by kind; a field may hold several. */
function idsIn(
  { json, object }: Place,
  entries: readonly JsonEntry[],
): readonly (readonly [string, readonly string[]])[] {
  const text = (name: string) => {
    const entry = entries.find((one) => one.name === name);
    return entry === undefined ? "" : (scalarText(json, entry.value) ?? "");
  };
  const byFunction =
    object === "campos_adicionais" ? idOfFunction(text("funcionalidade")) : undefined;
  const broker = object.startsWith("corretores") ? [BROKER_ID] : [];
  const kinds: (readonly [string, string])[] = [
    ...[...clientIds, ...broker].map((name) => [name, name] as const),
    ...Object.entries(idAliases[object] ?? {}),
    ...(byFunction === undefined ? [] : [["idfuncionalidade", byFunction] as const]),
  ];
  return kinds.flatMap(([name, kind]) => {
    const ids = (text(name).match(/\d+/g) ?? []).filter((id) => Number(id) > 0);
    return ids.length === 0 ? [] : [[kind, ids] as const];
  });
}

/** `near`: a name alone may mean the person. */
type Scope = { readonly own: boolean; readonly near: boolean };

function visit(
  place: Place,
  entries: readonly JsonEntry[],
  above: readonly string[],
  scope: Scope,
  found: Found,
): void {
  for (const { name, value } of entries) {
    visitValue(place, value, [...above, name], scope, found);
  }
}

function visitValue(
  place: Place,
  value: JsonNode,
  path: readonly string[],
  scope: Scope,
  found: Found,
): void {
  if (value.kind === "array") {
    for (const item of value.items) visitValue(place, item, path, scope, found);
  } else if (value.kind === "object") {
    const [owner] = ownerOf(place, value.entries);
    const isList = path.length > 0;
    if (owner === "somebody else") {
      visit(place, value.entries, path, { own: false, near: false }, found);
    } else if (owner === "person") {
      found.kind = "own";
      visit(place, value.entries, path, { own: true, near: true }, found);
    } else {
      // Of a list of people without documents nobody knows who is who.
      const own = scope.own && (!isList || !/associad|proponente/.test(path[0] ?? ""));
      visit(place, value.entries, path, { ...scope, own }, found);
    }
  } else {
    visitScalar(place, value, path, scope, found);
  }
}

function visitScalar(
  { json, object, person }: Place,
  value: JsonNode,
  path: readonly string[],
  { own, near }: Scope,
  found: Found,
): void {
  const text = scalarText(json, value);
  if (text === undefined && !(own && value.end - value.start > 4)) return;
  const isOwn = own && isPersonal(object, path);
  if (isOwn) {
    learn(path.at(-1) ?? "", text ?? "", found);
    if (json.toString("latin1", value.start, value.end) !== "null") found.cut.push(value);
    return;
  }
  if (text === undefined || text === "") return;
  const isKey = path.length === 1 && /^(id\w*|referencia|referencia_data)$/.test(path[0] ?? "");
  if (isKey) return;
  if (person.isIdentifiedIn(text) || (near && person.isNamedIn(text))) {
    found.cut.push(value);
    if (found.kind === "other") found.kind = "mention";
  }
}

function learn(name: string, text: string, found: Found): void {
  if (EMAIL.test(text.trim())) found.emails.push(text.trim().toLowerCase());
  else if (NAME_FIELD.test(name) && fold(text).length >= 3) found.names.push(fold(text));
  else if (PHONE_FIELD.test(name)) {
    const digits = text.replace(/\D/g, "");
    if (digits.length >= 8) found.phones.push(digits);
  }
}

function without(json: Buffer, cut: readonly JsonNode[]): Buffer {
  if (cut.length === 0) return json;
  const parts: Buffer[] = [];
  let at = 0;
  for (const { start, end } of [...cut].sort((a, b) => a.start - b.start)) {
    parts.push(json.subarray(at, start), Buffer.from("null"));
    at = end;
  }
  return Buffer.concat([...parts, json.subarray(at)]);
}
