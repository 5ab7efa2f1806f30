import type { Pool, PoolClient } from "pg";
import { connect } from "../../extract/connection.ts";
import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import { candidatesOf } from "../../extract/redact.ts";
import { tombstoneSecret } from "../../extract/tombstones.ts";
import { ConfigError } from "../errors.ts";
import { buildAgain } from "./build-again.ts";
import { redactQuarantine } from "./forget-quarantine.ts";
import { type KnownPerson, knownPerson } from "./known-person.ts";
import { followPerson, landedObjects, likeText, redactObject } from "./landed-records.ts";
import {
  type AccountTraces,
  openReceipt,
  type Receipt,
  readBackups,
  writeReceipt,
} from "./receipt.ts";
import { eraseFromLogs } from "./traces.ts";

/** By what a person is looked for: one of the two, or both. */
export type Wanted = {
  /** Digits of a CPF or CNPJ. */
  readonly document: string | undefined;
  readonly email: string | undefined;
};

/** A person in the accounts that were searched. */
export type FoundPerson = {
  readonly byAccount: ReadonlyMap<string, KnownPerson>;
  readonly traces: readonly AccountTraces[];
};

/** Every account that anything was landed of. */
export async function landedAccounts(database: Queryable): Promise<readonly string[]> {
  const rows = await query<{ conta: string }>(
    database,
    sql`
      select conta from elt.loads
      union
      select conta from elt.quarantine
      order by conta`,
  );
  return rows.map(({ conta }) => conta);
}

/**
 * Looks for a person in landing and quarantine; nothing is written.
 * @throws ConfigError when the e-mail address stands beside several documents
 */
export async function findPerson(
  database: Queryable,
  contas: readonly string[],
  wanted: Wanted,
): Promise<FoundPerson> {
  const byAccount = new Map<string, KnownPerson>();
  const traces: AccountTraces[] = [];
  for (const conta of contas) {
    const document = wanted.document ?? (await documentBeside(database, conta, wanted.email));
    const person = knownPerson({ document, email: wanted.email });
    await followPerson(database, conta, person);
    byAccount.set(conta, person);
    const objects = [];
    for (const object of await landedObjects(database)) {
      objects.push(await redactObject(database, { conta, object }, person, "count"));
    }
    const quarantine = await redactQuarantine(database, conta, person, "count");
    traces.push({ conta, objects: objects.filter(({ versions }) => versions > 0), quarantine });
  }
  return { byAccount, traces };
}

/** The document in the records that have the e-mail address. */
async function documentBeside(
  database: Queryable,
  conta: string,
  email: string | undefined,
): Promise<string | undefined> {
  if (email === undefined) return undefined;
  const documents = new Set<string>();
  for (const object of await landedObjects(database)) {
    const rows = await query<{ payload: string }>(
      database,
      sql`
        select payload::text
        from landing.${sql.ident(object)}
        where conta = ${conta} and lower(payload::text) like ${`%${likeText(email)}%`}`,
    );
    for (const { payload } of rows) {
      const candidates = candidatesOf(Buffer.from(payload));
      if (candidates.emails.includes(email)) {
        for (const digits of candidates.documents) documents.add(digits);
      }
    }
  }
  if (documents.size > 1) {
    throw new ConfigError([
      `In account ${conta} this e-mail address stands beside ${documents.size} documents, so it is not one person's: give --documento.`,
    ]);
  }
  return [...documents][0];
}

/**
 * Takes a person out of landing, quarantine and the engine's own tables, in one transaction, and
 * leaves tombstones: what the source sends again lands without them. The next build takes them out of
 * staging and marts, since all loads that brought them count as not built. Call it while nothing is
 * extracted.
 */
export function erasePerson(pool: Pool, found: FoundPerson): Promise<Receipt> {
  return inTransaction(pool, (client) => erase(client, found));
}

/** Runs work in a transaction of its own. */
export async function inTransaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const { client, release } = await connect(pool);
  try {
    await client.query("begin");
    const result = await work(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  } finally {
    release();
  }
}

async function erase(client: PoolClient, { byAccount }: FoundPerson): Promise<Receipt> {
  const opened = await openReceipt(client);
  const secret = await tombstoneSecret(client);
  const accounts: AccountTraces[] = [];
  const logs: Record<string, number> = {};
  let tombstones = 0;
  for (const [conta, person] of byAccount) {
    const objects = [];
    for (const object of await landedObjects(client)) {
      const loads = new Set<string>();
      const touch = (loadId: string) => loads.add(loadId);
      const traces = await redactObject(client, { conta, object }, person, { touch });
      await buildAgain(client, { conta, object }, [...loads]);
      if (traces.versions > 0) objects.push(traces);
    }
    const quarantine = await redactQuarantine(client, conta, person, "erase");
    for (const [table, cells] of Object.entries(await eraseFromLogs(client, person))) {
      logs[table] = (logs[table] ?? 0) + cells;
    }
    const marks = person.marks(secret, conta);
    tombstones += await execute(
      client,
      sql`
        insert into elt.tombstones (conta, mark, receipt_id)
        select ${conta}, mark, ${opened.id}::bigint
        from unnest(${marks}::text[]) as mark
        on conflict do nothing`,
    );
    accounts.push({ conta, objects, quarantine });
  }
  const receipt: Receipt = {
    ...opened,
    status: "landing",
    accounts,
    logs,
    tombstones,
    publication: null,
    left: [],
    backups: await readBackups(client),
  };
  await writeReceipt(client, receipt);
  return receipt;
}

/**
 * The runs that took people out of the marts: this one, and where the build failed at first, the one
 * that was the first to publish after it.
 */
export async function runsThatErased(
  database: Queryable,
  receipts: readonly Receipt[],
  runId: bigint,
): Promise<readonly bigint[]> {
  const rows = await query<{ run: string }>(
    database,
    sql`
      select distinct first.run_id::text as run
      from unnest(${receipts.map(({ forgottenAt }) => forgottenAt)}::timestamptz[]) as erased (at)
      cross join lateral (
        select run_id
        from elt.publications
        where published_at >= erased.at
        order by publication_id
        limit 1
      ) as first`,
  );
  return [...new Set([...rows.map(({ run }) => BigInt(run)), runId])];
}

/**
 * Takes out of the log of changes what became null by the build that followed: its own entries, and
 * those that earlier builds made of the same cells.
 */
export async function eraseOldValues(database: Queryable, runId: bigint): Promise<void> {
  await execute(
    database,
    sql`
      with emptied as (
        select model, key, array_agg(distinct column_name) as columns
        from elt.changes
        where run_id = ${runId} and action = 'changed'
          and coalesce(jsonb_typeof(new), 'null') = 'null'
        group by model, key
      )
      update elt.changes as known
      set
        old = case when known.action = 'changed' then null else known.old - emptied.columns end,
        new = case when known.action = 'changed' then null else known.new - emptied.columns end
      from emptied
      where known.model = emptied.model and known.key = emptied.key
        and (known.action <> 'changed' or known.column_name = any (emptied.columns))`,
  );
}
