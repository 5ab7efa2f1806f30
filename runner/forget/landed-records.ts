import { BROKER_ID, clientIds, idAliases } from "../../extract/personal-fields.ts";
import { type Queryable, query, type SQLQuery, sql } from "../../extract/query.ts";
import { redactRecord } from "../../extract/redact.ts";
import { rawHash } from "../../extract/tombstones.ts";
import type { KnownPerson } from "./known-person.ts";

/** What the versions of an object say of a person. */
export type ObjectTraces = {
  readonly object: string;
  /** Records of the person, and others that only name them. */
  readonly records: number;
  readonly versions: number;
};

/** One version of a record in landing. */
export type Version = {
  readonly chave: string;
  readonly load_id: string;
  readonly seq: string;
  readonly payload: string;
};

const BATCH = 500;

/** Objects that have a table in landing. */
export async function landedObjects(database: Queryable): Promise<readonly string[]> {
  const rows = await query<{ object: string }>(
    database,
    sql`
      select relname as object
      from pg_class
      where relnamespace = 'landing'::regnamespace and relkind = 'r'
      order by relname`,
  );
  return rows.map(({ object }) => object);
}

/**
 * Follows a person through every version of every object: by document and address wherever they
 * stand, and by the ids of the records found, until nothing new turns up.
 */
export async function followPerson(
  database: Queryable,
  conta: string,
  person: KnownPerson,
): Promise<void> {
  const objects = await landedObjects(database);
  // First what carries the document, then what is linked: links tell less.
  let isNew = true;
  let links = false;
  while (isNew || !links) {
    links = !isNew;
    isNew = false;
    for (const object of objects) {
      await eachCandidate(database, conta, object, person, async ({ chave, payload }) => {
        const json = Buffer.from(payload);
        const redacted = redactRecord({ json, object, chave, person });
        if (redacted === undefined) return;
        const counts = redacted.kind === "own" && (links || redacted.by === "document");
        if (counts && person.learn(object, chave, redacted)) isNew = true;
        if (person.learnNear(redacted.learnt)) isNew = true;
      });
    }
  }
}

/**
 * Takes a person out of an object's versions, or only counts them. A version stays, with its figures;
 * what is personal in it is null.
 * @param touch called with the load of each version that was changed
 */
export async function redactObject(
  database: Queryable,
  { conta, object }: { readonly conta: string; readonly object: string },
  person: KnownPerson,
  how: "count" | { readonly touch: (loadId: string) => void },
): Promise<ObjectTraces> {
  const records = new Set<string>();
  let versions = 0;
  await eachCandidate(database, conta, object, person, async (version) => {
    const { chave, load_id, payload } = version;
    const json = Buffer.from(payload);
    const redacted = redactRecord({ json, object, chave, person });
    if (redacted === undefined || redacted.json === json) return;
    records.add(chave);
    if (redacted.kind === "mention") person.learnMention(object, chave);
    versions++;
    if (how === "count") return;
    how.touch(load_id);
    await replacePayload(database, { conta, object, version, json: redacted.json });
  });
  return { object, records: records.size, versions };
}

/** Puts another text in the place of a version's. */
export async function replacePayload(
  database: Queryable,
  of: {
    readonly conta: string;
    readonly object: string;
    readonly version: Version;
    readonly json: Buffer;
  },
): Promise<void> {
  const { conta, object, json } = of;
  const { chave, load_id, seq } = of.version;
  await query(
    database,
    sql`
      update landing.${sql.ident(object)}
      set payload = ${json.toString()}::jsonb, hash = ${rawHash(json)}::uuid
      where conta = ${conta} and chave = ${chave} and load_id = ${load_id} and seq = ${seq}`,
  );
}

function eachCandidate(
  database: Queryable,
  conta: string,
  object: string,
  person: KnownPerson,
  work: (version: Version) => Promise<void>,
): Promise<void> {
  return eachVersion(database, { conta, object, condition: mayConcern(object, person) }, work);
}

/** Goes through the versions of an object in an account that meet a condition; memory stays flat. */
export async function eachVersion(
  database: Queryable,
  of: { readonly conta: string; readonly object: string; readonly condition: SQLQuery },
  work: (version: Version) => Promise<void>,
): Promise<void> {
  const { conta, object, condition } = of;
  let last: Version | undefined;
  do {
    const after =
      last === undefined
        ? sql`true`
        : sql`(chave, load_id, seq) > (${last.chave}, ${last.load_id}::bigint, ${last.seq}::bigint)`;
    const batch: readonly Version[] = await query<Version>(
      database,
      sql`
        select chave, load_id::text, seq::text, payload::text
        from landing.${sql.ident(object)}
        where conta = ${conta} and ${after} and (${condition})
        order by chave, load_id, seq
        limit ${BATCH}`,
    );
    for (const version of batch) await work(version);
    last = batch.length === BATCH ? batch.at(-1) : undefined;
  } while (last !== undefined);
}

/** Finds too much rather than too little: each version found is read. */
function mayConcern(object: string, { documents, emails, ids, keys, near }: KnownPerson): SQLQuery {
  const digits = [...documents].map((document) => `%${document}%`);
  const addresses = [...emails].map((email) => `%${likeText(email)}%`);
  const conditions = [
    sql`translate(payload::text, './- ', '') like any (${digits}::text[])`,
    sql`lower(payload::text) like any (${addresses}::text[])`,
    sql`chave = any (${[...(keys.get(object) ?? [])]}::text[])`,
  ];
  const fields: (readonly [string, string])[] = [
    ...[...clientIds, BROKER_ID].map((name) => [name, name] as const),
    ...Object.entries(idAliases[object] ?? {}),
  ];
  for (const [field, kind] of fields) {
    const known = [...(ids.get(kind) ?? []), ...(near.get(kind) ?? [])];
    if (known.length === 0) continue;
    conditions.push(
      sql`string_to_array(replace(payload ->> ${field}, ' ', ''), ',') && ${known}::text[]`,
    );
  }
  if (object === "campos_adicionais") {
    const known = clientIds.flatMap((kind) => [...(ids.get(kind) ?? [])]);
    conditions.push(sql`payload ->> 'idfuncionalidade' = any (${known}::text[])`);
  }
  return sql.join(conditions, sql` or `);
}

/** A text without meaning for LIKE. */
export function likeText(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
}
