import type { Pool, PoolClient } from "pg";
import type { CvdwObject } from "./catalogue.ts";
import { connect } from "./connection.ts";
import type { Load } from "./land.ts";
import { landRepaired } from "./land-repaired.ts";
import { finishLoad, startLoad } from "./load-record.ts";
import { landingLock } from "./lock.ts";
import { sliceItem } from "./page.ts";
import type { Trouble } from "./quarantine-record.ts";
import { execute, type Queryable, query, sql } from "./query.ts";
import { type LandingRecord, toLandingRecords, wantedFields } from "./record.ts";
import { withoutForgotten } from "./tombstones.ts";

/** What became of the records of an object that were tried again. */
export type RetryResult = {
  readonly conta: string;
  readonly object: string;
  /** Those that stood open and had not landed in any form. */
  readonly tried: number;
  /** As the source sent them. */
  readonly landed: number;
  readonly repaired: number;
  /** Not landed, because a newer version has. */
  readonly superseded: number;
  readonly refused: number;
};

/** A record in quarantine. */
type Held = {
  readonly id: string;
  readonly raw: Buffer;
  readonly load_id: string;
  readonly seq: string;
};

/** What is to be written down about a record that was tried. */
type Outcome = {
  readonly held: Held;
  readonly chave: string | undefined;
  readonly trouble: Trouble | undefined;
  /** Nothing is left to do about it. */
  readonly resolved: boolean;
  readonly superseded: boolean;
};

const BATCH = 100;
/** A record alone is a page of its own. */
const ONE = { totalRecords: 1, totalPages: 1 };

/**
 * Tries to land what stands in quarantine of one object, as a load of its own: the program, its
 * catalogue or the database may have learnt to take it. A record of which landing has a newer
 * version stays out, and those of one key keep their order. Call it while holding the account's
 * extraction lock. Without anything to try, it leaves no load.
 */
export async function retryQuarantine(
  pool: Pool,
  of: { readonly runId: bigint; readonly conta: string; readonly object: CvdwObject },
): Promise<RetryResult> {
  const { runId, conta, object } = of;
  const nothing = { tried: 0, landed: 0, repaired: 0, superseded: 0, refused: 0 };
  let result: RetryResult = { conta, object: object.name, ...nothing };
  await resolveClosed(pool, result);
  if ((await heldAfter(pool, result, undefined)).length === 0) return result;

  const load = await startLoad(pool, {
    ...{ runId, conta, object: object.name, mode: "quarantine" },
    ...{ since: undefined, until: undefined },
  });
  let newVersions = 0;
  const finish = (verdict: "unproven" | "failed", error: string | null) =>
    finishLoad(pool, load.loadId, {
      ...{ verdict, error, passes: 0, pages: 0, pageSize: BATCH, scanId: undefined },
      ...{ total: result.tried, distinctKeys: result.landed + result.repaired },
      ...{ records: result.tried, newVersions },
    });
  const { client, release } = await connect(pool);
  try {
    for (let last: Held | undefined; ; ) {
      const batch = await heldAfter(client, result, last);
      last = batch.at(-1);
      if (last === undefined) break;
      const { outcomes, added } = await inTransaction(client, () =>
        tryBatch(client, load, object, batch),
      );
      newVersions += added;
      result = counted(result, outcomes);
    }
  } catch (error) {
    await finish("failed", "the run ended in the middle").catch(() => undefined);
    throw error;
  } finally {
    release();
  }
  // It says nothing about what the source has, so it proves nothing.
  const { refused, tried } = result;
  await finish("unproven", refused === 0 ? null : `${refused} of ${tried} are still refused`);
  return result;
}

async function inTransaction<T>(client: PoolClient, work: () => Promise<T>): Promise<T> {
  await client.query("begin");
  try {
    const done = await work();
    await client.query("commit");
    return done;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

async function tryBatch(
  client: PoolClient,
  load: Load,
  object: CvdwObject,
  batch: readonly Held[],
): Promise<{ readonly outcomes: readonly Outcome[]; readonly added: number }> {
  await query(client, sql`select pg_advisory_xact_lock(${landingLock(load)})`);
  const items = await readBatch(client, load, object, batch);
  const old = await supersededIn(client, load, items);
  const records = items.flatMap(({ held, record }) =>
    record === undefined || old.has(held.id) ? [] : [record],
  );
  const { landed, troubles } = await landRepaired(client, load, records, { known: "tried" });
  const outcomes = items.map(({ held, record, chave, refusal }): Outcome => {
    const superseded = old.has(held.id);
    const trouble = refusal ?? (record === undefined ? undefined : troubles.get(record));
    return { held, chave, trouble, superseded, resolved: superseded || trouble === undefined };
  });
  await writeDown(client, load, outcomes);
  return { outcomes, added: landed.newVersions };
}

type ReadAgain = {
  readonly record: LandingRecord | undefined;
  readonly chave: string | undefined;
  readonly refusal: Trouble | undefined;
};

/** What was kept while nobody could read it may turn out to be about somebody who was forgotten. */
async function readBatch(
  client: PoolClient,
  load: Load,
  object: CvdwObject,
  batch: readonly Held[],
): Promise<readonly (ReadAgain & { readonly held: Held })[]> {
  const items = batch.map((held) => ({ held, ...readAgain(object, held.raw) }));
  const pages = items.map(({ record }) => ({
    ...{ page: 1, pageSize: 1, refused: [] },
    records: record === undefined ? [] : [record],
  }));
  const redacted = await withoutForgotten(client, load, pages);
  return items.map((item, index) => ({ ...item, record: redacted[index]?.records[0] }));
}

function readAgain(object: CvdwObject, raw: Buffer): ReadAgain {
  const item = sliceItem(raw, wantedFields(object));
  const { records, refused } = toLandingRecords(object, { records: [item], ...ONE });
  const [record] = records;
  const [bad] = refused;
  return {
    record,
    chave: record?.chave ?? bad?.chave,
    refusal: bad && { reason: bad.reason, sqlstate: undefined, repaired: false },
  };
}

/** Of records whose key may be known only now: those that are out of date. By id. */
async function supersededIn(
  database: Queryable,
  { conta, object, loadId }: Load,
  items: readonly { readonly held: Held; readonly chave: string | undefined }[],
): Promise<ReadonlySet<string>> {
  const rows = await query<{ id: string }>(
    database,
    sql`
      select id
      from unnest(
        ${items.map(({ held }) => held.id)}::text[],
        ${items.map(({ chave }) => chave ?? null)}::text[],
        ${items.map(({ held }) => held.load_id)}::bigint[],
        ${items.map(({ held }) => held.seq)}::bigint[]
      ) as item (id, chave, load_id, seq)
      where elt.is_superseded(
        ${conta}, ${object}, item.chave, item.load_id, item.seq, ${loadId}::bigint
      )`,
  );
  return new Set(rows.map(({ id }) => id));
}

async function writeDown(
  database: Queryable,
  load: Load,
  outcomes: readonly Outcome[],
): Promise<void> {
  await execute(
    database,
    sql`
      update elt.quarantine as held
      set
        chave = tried.chave,
        reason = coalesce(tried.reason, held.reason),
        sqlstate = coalesce(tried.sqlstate, held.sqlstate),
        repaired = tried.repaired,
        load_id = case when tried.repaired then ${load.loadId}::bigint else held.load_id end,
        seq = case when tried.repaired then tried.seq else held.seq end,
        resolved_at = case when tried.resolved then now() end
      from unnest(
        ${outcomes.map(({ held }) => held.id)}::bigint[],
        ${outcomes.map(({ chave }) => chave ?? null)}::text[],
        ${outcomes.map(({ trouble }) => trouble?.reason ?? null)}::text[],
        ${outcomes.map(({ trouble }) => trouble?.sqlstate ?? null)}::text[],
        ${outcomes.map(({ trouble }) => trouble?.repaired ?? false)}::boolean[],
        ${outcomes.map(({ resolved }) => resolved)}::boolean[],
        ${outcomes.map(() => load.nextSeq++)}::bigint[]
      ) as tried (id, chave, reason, sqlstate, repaired, resolved, seq)
      where held.conta = ${load.conta} and held.objeto = ${load.object}
        and held.quarantine_id = tried.id`,
  );
}

function counted(before: RetryResult, outcomes: readonly Outcome[]): RetryResult {
  const superseded = outcomes.filter((outcome) => outcome.superseded).length;
  const repaired = outcomes.filter(({ trouble }) => trouble?.repaired).length;
  const refused = outcomes.filter(
    ({ trouble, resolved }) => !resolved && !trouble?.repaired,
  ).length;
  return {
    ...before,
    tried: before.tried + outcomes.length,
    landed: before.landed + outcomes.length - superseded - repaired - refused,
    repaired: before.repaired + repaired,
    superseded: before.superseded + superseded,
    refused: before.refused + refused,
  };
}

type Of = { readonly conta: string; readonly object: string };

/** The next records to try, in the order in which they were read. */
async function heldAfter(
  database: Queryable,
  of: Of,
  last: Held | undefined,
): Promise<readonly Held[]> {
  const from = [last?.load_id ?? "-1", last?.seq ?? "-1", last?.id ?? "-1"];
  return query<Held>(
    database,
    sql`
      select quarantine_id::text as id, raw, load_id::text, seq::text
      from elt.quarantine as held
      where conta = ${of.conta} and objeto = ${of.object} and resolved_at is null
        and not repaired
        and (held.load_id, held.seq, quarantine_id)
          > (${from[0]}::bigint, ${from[1]}::bigint, ${from[2]}::bigint)
      order by held.load_id, held.seq, quarantine_id
      limit ${BATCH}`,
  );
}

/** What no longer stands is not tried: its time has passed. */
async function resolveClosed(database: Queryable, of: Of): Promise<void> {
  await execute(
    database,
    sql`
      update elt.quarantine as held
      set resolved_at = now()
      where conta = ${of.conta} and objeto = ${of.object} and resolved_at is null
        and not exists (
          select
          from elt.open_quarantine as still
          where still.conta = held.conta and still.objeto = held.objeto
            and still.hash = held.hash
        )`,
  );
}
