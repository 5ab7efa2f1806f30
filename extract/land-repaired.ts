import type { PoolClient } from "pg";
import { type Landed, type Load, landRecords } from "./land.ts";
import {
  jsonProblems,
  knownTroubles,
  type QuarantineReason,
  type Trouble,
} from "./quarantine-record.ts";
import { query, sql } from "./query.ts";
import type { LandingRecord } from "./record.ts";
import { repairJson } from "./repair.ts";

/** What landed, and which of the records did not land as they are. */
export type RepairedLanding = {
  readonly landed: Landed;
  readonly troubles: ReadonlyMap<LandingRecord, Trouble>;
};

/**
 * Lands records, those that PostgreSQL refuses in a repaired form where there is one. Their order is
 * kept. A repaired version has the hash of what the source sent, so that the same text read again
 * adds nothing. Must run inside a transaction.
 *
 * While nothing is refused it costs a savepoint. Otherwise the records that a repair would change are
 * tried one by one inside the database, in one statement; when that does not explain the refusal, so
 * are all the others.
 *
 * @param known what happens to records that stand in quarantine because nothing could be done: they
 *   are dropped without another try when they explain a refusal, or tried like all the others
 * @throws DatabaseError when no record explains what PostgreSQL refuses
 */
export async function landRepaired(
  client: PoolClient,
  load: Load,
  records: readonly LandingRecord[],
  { known: what }: { readonly known: "dropped" | "tried" } = { known: "dropped" },
): Promise<RepairedLanding> {
  const asSent = await tryToLand(client, load, records);
  if (asSent.status === "landed") return { landed: asSent.landed, troubles: new Map() };
  const forms = new Map<LandingRecord, LandingRecord>(records.map((record) => [record, record]));
  const troubles = new Map<LandingRecord, Trouble>();
  const drop = (record: LandingRecord, trouble: Trouble): void => {
    troubles.set(record, trouble);
    forms.delete(record);
  };

  let { refusal } = asSent;
  const sent = await changedRecords(client, load, records);
  const unexplained: LandingRecord[] = [];
  for (const { record, repaired, trouble } of await repairSuspects(client, sent)) {
    if (trouble === undefined) {
      unexplained.push(record);
    } else if (repaired === undefined) {
      drop(record, trouble);
    } else {
      troubles.set(record, trouble);
      forms.set(record, { ...record, json: repaired });
    }
  }
  const hashes = what === "dropped" ? unexplained.map(({ hash }) => hash) : [];
  const known = await knownTroubles(client, load, hashes);
  for (const record of unexplained) {
    const trouble = known.get(record.hash);
    if (trouble !== undefined) drop(record, trouble);
  }
  if (troubles.size > 0) {
    const repaired = await tryToLand(client, load, [...forms.values()]);
    if (repaired.status === "landed") return { landed: repaired.landed, troubles };
    ({ refusal } = repaired);
  }

  const left = sent.filter((record) => !troubles.has(record));
  const problems = await jsonProblems(
    client,
    left.map(({ json }) => json),
  );
  const found = left.flatMap((record, index) => {
    const sqlstate = problems[index];
    return typeof sqlstate === "string" ? [{ record, sqlstate }] : [];
  });
  if (found.length === 0) throw refusal;
  for (const { record, sqlstate } of found) {
    drop(record, { reason: reasonOf(sqlstate), sqlstate, repaired: false });
  }
  return { landed: await landRecords(client, load, [...forms.values()]), troubles };
}

type LandingAttempt =
  | { readonly status: "landed"; readonly landed: Landed }
  | { readonly status: "refused"; readonly refusal: Error };

/** Lands all or, when PostgreSQL refuses the bytes of a record, none. */
async function tryToLand(
  client: PoolClient,
  load: Load,
  records: readonly LandingRecord[],
): Promise<LandingAttempt> {
  await client.query("savepoint landing");
  try {
    const landed = await landRecords(client, load, records);
    await client.query("release savepoint landing");
    return { status: "landed", landed };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await client.query("rollback to savepoint landing; release savepoint landing");
    return { status: "refused", refusal: error };
  }
}

/** Data exceptions and limits of the server. */
function isRefusal(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^(22|54)/.test(String(error.code));
}

/** The records that landing sends to the database: those that differ from what it has. */
async function changedRecords(
  client: PoolClient,
  load: Load,
  records: readonly LandingRecord[],
): Promise<readonly LandingRecord[]> {
  const rows = await query<{ chave: string; hash: string }>(
    client,
    sql`
      select wanted.chave, newest.hash
      from unnest(${[...new Set(records.map(({ chave }) => chave))]}::text[]) as wanted (chave)
      cross join lateral (
        select version.hash
        from landing.${sql.ident(load.object)} as version
        where version.conta = ${load.conta} and version.chave = wanted.chave
        order by version.load_id desc, version.seq desc
        limit 1
      ) as newest`,
  );
  const newest = new Map(rows.map(({ chave, hash }) => [chave, hash.replaceAll("-", "")]));
  return records.filter(({ chave, hash }) => {
    if (newest.get(chave) === hash) return false;
    // What comes after it may be the same again, and be refused again.
    newest.delete(chave);
    return true;
  });
}

/** A record, and what became of it: `trouble` undefined when nothing is known to be wrong. */
type Examined = {
  readonly record: LandingRecord;
  readonly trouble: Trouble | undefined;
  readonly repaired: Buffer | undefined;
};

/** Repairs what a repair would change, if the database refuses it as it is and takes it repaired. */
async function repairSuspects(
  client: PoolClient,
  records: readonly LandingRecord[],
): Promise<readonly Examined[]> {
  const repairs = records.map(({ json }) => repairJson(json));
  const found = repairs.flatMap((repair) => repair ?? []);
  const raw = records.filter((_, index) => repairs[index] !== undefined).map(({ json }) => json);
  const rawProblems = (await jsonProblems(client, raw)).values();
  const repairedProblems = (
    await jsonProblems(
      client,
      found.map(({ json }) => json),
    )
  ).values();
  return records.map((record, index) => {
    const repair = repairs[index];
    if (repair === undefined) return { record, trouble: undefined, repaired: undefined };
    const sqlstate = rawProblems.next().value ?? undefined;
    const left = repairedProblems.next().value ?? undefined;
    if (sqlstate === undefined) return { record, trouble: undefined, repaired: undefined };
    return left === undefined
      ? {
          record,
          trouble: { reason: repair.kind, sqlstate, repaired: true },
          repaired: repair.json,
        }
      : {
          record,
          trouble: { reason: reasonOf(left), sqlstate, repaired: false },
          repaired: undefined,
        };
  });
}

const reasons: Readonly<Record<string, QuarantineReason>> = {
  "22021": "invalid-utf8",
  "22P05": "nul-character",
  "22003": "number-out-of-range",
  "22P02": "broken-json",
  "54001": "too-deep",
  "54000": "too-large",
};

function reasonOf(sqlstate: string): QuarantineReason {
  return reasons[sqlstate] ?? "refused-value";
}
