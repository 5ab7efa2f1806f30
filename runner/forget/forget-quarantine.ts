import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import { type Person, redactRecord } from "../../extract/redact.ts";
import { rawHash, unreadable } from "../../extract/tombstones.ts";
import type { KnownPerson } from "./known-person.ts";

/** Who is taken out; `isTracedIn` tells a text that holds what can only be theirs. */
export type Quarantined = Person & Pick<KnownPerson, "isTracedIn">;

type Held = {
  readonly id: string;
  readonly object: string;
  readonly chave: string | null;
  readonly raw: Buffer;
};

const BATCH = 100;

/**
 * Takes a person out of the records in quarantine. Of one that is no JSON nothing stays but that it
 * was there. @returns how many records named the person
 */
export async function redactQuarantine(
  database: Queryable,
  conta: string,
  person: Quarantined,
  how: "count" | "erase",
): Promise<number> {
  let count = 0;
  let last = "0";
  for (;;) {
    const batch: readonly Held[] = await query<Held>(
      database,
      sql`
        select quarantine_id::text as id, objeto as object, chave, raw
        from elt.quarantine
        where conta = ${conta} and quarantine_id > ${last}::bigint
        order by quarantine_id
        limit ${BATCH}`,
    );
    for (const held of batch) {
      const raw = withoutPerson(held, person);
      if (raw === held.raw) continue;
      count++;
      if (how === "erase") await replace(database, conta, held, raw);
    }
    const end = batch.at(-1);
    if (end === undefined) return count;
    last = end.id;
  }
}

function withoutPerson({ object, chave, raw }: Held, person: Quarantined): Buffer {
  const key = chave ?? undefined;
  const redacted = redactRecord({ json: raw, object, chave: key, person })?.json ?? raw;
  // What is left over stands in no field that can be told.
  return person.isTracedIn(unescaped(redacted.toString())) ? unreadable(raw, key) : redacted;
}

/** The characters that escapes of JSON stand for, also in what is no JSON: `Jo\u00e3o`, `\/`. */
function unescaped(text: string): string {
  return text
    .replace(/\\u([0-9a-f]{4})/gi, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    )
    .replaceAll("\\/", "/");
}

/** The hash names the text, so it changes with it; two texts that become one are one record. */
async function replace(
  database: Queryable,
  conta: string,
  { id, object }: Held,
  raw: Buffer,
): Promise<void> {
  const hash = rawHash(raw);
  await execute(
    database,
    sql`
      delete from elt.quarantine
      where conta = ${conta} and objeto = ${object} and hash = ${hash}::uuid
        and quarantine_id <> ${id}::bigint`,
  );
  await execute(
    database,
    sql`
      update elt.quarantine
      set raw = ${raw}, hash = ${hash}::uuid
      where conta = ${conta} and objeto = ${object} and quarantine_id = ${id}::bigint`,
  );
}
