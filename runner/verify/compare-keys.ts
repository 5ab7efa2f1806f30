import { DatabaseError, type Pool, type PoolClient } from "pg";
import type { CvdwObject } from "../../extract/catalogue.ts";
import { connect } from "../../extract/connection.ts";
import { CvdwError } from "../../extract/errors.ts";
import type { Load } from "../../extract/land.ts";
import type { Page } from "../../extract/page.ts";
import { afterPage, isProven, newPass, nextPage, type PageRange } from "../../extract/pass.ts";
import { execute, query, type SQLQuery, sql } from "../../extract/query.ts";
import { readPage, SMALLEST_PAGE } from "../../extract/read-page.ts";
import { toLandingRecords } from "../../extract/record.ts";
import { withoutForgotten } from "../../extract/tombstones.ts";
import { formatWallClock } from "../../extract/wall-clock.ts";
import { type Landed, readLanded, type SourceReader } from "./read-landed.ts";

/** One object, record by record: what the source has, and what landing has of it. */
export type KeyComparison = {
  readonly object: string;
  /**
   * `behind`: what differs is new since it was read last; `deleted`: what landing has more, the last full
   * reading missed already; `unproven`: the source changed too much while it was read to be sure.
   */
  readonly status: "equal" | "behind" | "deleted" | "differs" | "unread" | "unproven" | "not asked";
  readonly source: number | null;
  readonly landing: number;
  /** Records that landing does not have, or has as removed, and that are not new. */
  readonly lost: number;
  /** Records of which landing has another value, and that were not edited since. */
  readonly changed: number;
  /** Records that landing has and the source has not; null while that cannot be known. */
  readonly extra: number | null;
  /** Records that are new or were edited since the object was read last. */
  readonly fresh: number;
  /** Keys of the first of each: ids, never a value. */
  readonly keys: Readonly<Record<"lost" | "changed" | "extra", readonly string[]>>;
  readonly because: string | null;
};

const PAGE_SIZE = 500;
const MOST_PASSES = 2;
const SHOWN_KEYS = 5;

type State = "same" | "lost" | "changed" | "fresh" | "hidden";

/**
 * Reads each object whole, page by page within the account's budget, and compares every key and
 * value with landing. Nothing lands. Call it while the account is not extracted. Memory stays flat: what
 * was read is a temporary table.
 */
export async function compareKeys(
  reader: SourceReader,
  pool: Pool,
  conta: string,
  objects: readonly CvdwObject[],
): Promise<readonly KeyComparison[]> {
  const { client, release } = await connect(pool);
  const comparisons: KeyComparison[] = [];
  try {
    await execute(
      client,
      sql`
        create temporary table elt_compared (
          chave text collate "C" primary key, state text not null
        )`,
    );
    for (const object of objects) {
      const landed = await readLanded(client, conta, object);
      comparisons.push(await compareObject({ reader, client, conta, object, landed }));
    }
    return comparisons;
  } finally {
    release({ close: true });
  }
}

type Comparing = {
  readonly reader: SourceReader;
  readonly client: PoolClient;
  readonly conta: string;
  readonly object: CvdwObject;
  readonly landed: Landed;
};

async function compareObject(comparing: Comparing): Promise<KeyComparison> {
  const { object, landed } = comparing;
  const nothing = {
    ...{ object: object.name, source: null, landing: landed.live + landed.held },
    ...{ lost: 0, changed: 0, extra: null, fresh: 0, keys: { lost: [], changed: [], extra: [] } },
  };
  if (!landed.proven) {
    return { ...nothing, status: "unread", because: "it was never read whole" };
  }
  try {
    for (let passes = 1; ; passes++) {
      const { total, proven } = await readPass(comparing);
      if (proven || passes === MOST_PASSES) return judge(comparing, total, proven);
    }
  } catch (error) {
    if (!(error instanceof CvdwError)) throw error;
    return { ...nothing, status: "not asked", because: error.message };
  }
}

/** One pass, from the last page to the first, so that records which move meanwhile only repeat. */
async function readPass(
  comparing: Comparing,
): Promise<{ readonly total: number; readonly proven: boolean }> {
  const { client, object, reader } = comparing;
  await execute(client, sql`truncate pg_temp.elt_compared`);
  let pass = newPass;
  let size = PAGE_SIZE;
  let read = 0;
  const started = performance.now();
  for (;;) {
    const wanted = nextPage(pass, size);
    if (wanted === undefined) break;
    let page: Page;
    try {
      page = await ask(comparing, wanted, pass.total > 0);
    } catch (error) {
      if (!(error instanceof CvdwError) || !error.healsByLess || size <= SMALLEST_PAGE) throw error;
      size = Math.max(SMALLEST_PAGE, Math.ceil(size / 2));
      continue;
    }
    const broughtNew = await comparePage(comparing, wanted, page);
    pass = afterPage(pass, { ...wanted, total: page.totalRecords, broughtNew });
    read += page.records.length;
    const { total, unread } = pass;
    const perRecord = (performance.now() - started) / Math.max(1, read);
    reader.emit({
      type: "page-compared",
      object: object.name,
      done: Math.max(1, Math.ceil((total - unread) / size)),
      pages: Math.max(1, Math.ceil(total / size)),
      records: read,
      etaMs: pass.step === "down" && read > size ? Math.round(perRecord * unread) : undefined,
      budgetLeft: reader.budget.left(),
    });
  }
  const [keys] = await query<{ n: number }>(
    client,
    sql`select count(*)::int as n from pg_temp.elt_compared`,
  );
  return { total: pass.total, proven: isProven(pass, keys?.n ?? 0) };
}

function ask({ reader, object }: Comparing, { page, size }: PageRange, rowsExpected: boolean) {
  return readPage(reader, {
    ...{ object, page, pageSize: size, rowsExpected: rowsExpected && page === 1 },
    mayWait: () => true,
  });
}

/** @returns whether the page held a key that the pass had not seen */
async function comparePage(
  comparing: Comparing,
  { page: number, size }: PageRange,
  page: Page,
): Promise<boolean> {
  const { client, conta, object, landed } = comparing;
  const given = { ...toLandingRecords(object, page), page: number, pageSize: size };
  // Who was forgotten stands in landing without what the source still sends of them.
  const load: Load = {
    ...{ conta, object: object.name, loadId: 0n, nextSeq: 0n },
    ...{ scanId: undefined, seenKeys: undefined },
  };
  const [redacted = given] = await withoutForgotten(client, load, [given]);
  const { records, refused } = redacted;
  const states = new Map<string, State>();
  const known = await landedHashes(
    comparing,
    records.map(({ chave }) => chave),
  );
  for (const record of records) {
    const hash = known.get(record.chave);
    const date = record.referenciaData;
    const isFresh =
      landed.since !== null && date !== undefined && formatWallClock(date) >= landed.since;
    if (hash === undefined) states.set(record.chave, isFresh ? "fresh" : "lost");
    else if (hash === record.hash || !(await differs(comparing, record))) {
      states.set(record.chave, "same");
    } else states.set(record.chave, isFresh ? "fresh" : object.editsHidden ? "hidden" : "changed");
  }
  for (const [at, { chave, hash }] of refused.entries()) {
    // As scans count them: by their key, or by their place.
    const name = chave ?? `\u0001row ${(number - 1) * size + at}`;
    states.set(name, (await isHeld(comparing, hash)) ? "same" : "lost");
  }
  return note(client, states);
}

async function note(client: PoolClient, states: ReadonlyMap<string, State>): Promise<boolean> {
  const rows = await query<{ is_new: boolean }>(
    client,
    sql`
      insert into pg_temp.elt_compared as known (chave, state)
      select * from unnest(${[...states.keys()]}::text[], ${[...states.values()]}::text[])
      on conflict (chave) do update set state = excluded.state
      returning known.xmax = 0 as is_new`,
  );
  return rows.some((row) => row.is_new);
}

function live({ object }: Comparing): SQLQuery {
  return sql`landing.${sql.ident(`${object.name}_atual`)}`;
}

async function landedHashes(
  comparing: Comparing,
  chaves: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await query<{ chave: string; hash: string }>(
    comparing.client,
    sql`
      select landed.chave, landed.hash::text as hash
      from unnest(${[...new Set(chaves)]}::text[]) as wanted (chave)
      inner join ${live(comparing)} as landed
        on landed.conta = ${comparing.conta} and landed.chave = wanted.chave`,
  );
  return new Map(rows.map(({ chave, hash }) => [chave, hash.replaceAll("-", "")]));
}

/** The source may write the same value in another way: then the hash differs and nothing else. */
async function differs(
  comparing: Comparing,
  { chave, json }: { readonly chave: string; readonly json: Buffer },
): Promise<boolean> {
  try {
    const rows = await query(
      comparing.client,
      sql`
        select
        from ${live(comparing)} as landed
        where landed.conta = ${comparing.conta} and landed.chave = ${chave}
          and landed.payload = ${json.toString()}::jsonb`,
    );
    return rows.length === 0;
  } catch (error) {
    // What jsonb refuses landed repaired, under the hash of what was sent: it has another now.
    if (error instanceof DatabaseError && error.code?.startsWith("22") === true) return true;
    throw error;
  }
}

async function isHeld({ client, conta, object }: Comparing, hash: string): Promise<boolean> {
  const rows = await query(
    client,
    sql`
      select from elt.quarantine
      where conta = ${conta} and objeto = ${object.name} and hash = ${hash}::uuid
      limit 1`,
  );
  return rows.length > 0;
}

async function judge(comparing: Comparing, total: number, proven: boolean): Promise<KeyComparison> {
  const { client, object, landed } = comparing;
  const counted = await query<{ state: State; n: number; keys: string[] }>(
    client,
    sql`
      select
        state, count(*)::int as n,
        (array_agg(chave order by chave) filter (where place <= ${SHOWN_KEYS}))::text[] as keys
      from (
        select *, row_number() over (partition by state order by chave) as place
        from pg_temp.elt_compared
      ) as numbered
      group by state`,
  );
  const of = (state: State) => counted.find((row) => row.state === state);
  const [lost, changed, fresh, hidden] = (["lost", "changed", "fresh", "hidden"] as const).map(
    (state) => of(state)?.n ?? 0,
  ) as [number, number, number, number];
  const extra = proven ? await extraKeys(comparing) : undefined;
  const unexpected = extra === undefined ? 0 : extra.n - extra.watched;
  const again = `elt extract ${object.name} --full`;
  const because = [
    ...(lost > 0
      ? [`landing lacks ${lost.toLocaleString("en-US")} that are not new; to read them: ${again}`]
      : []),
    ...(changed > 0
      ? [
          `landing has another value of ${changed.toLocaleString("en-US")} that were not edited since; to read them: ${again}`,
        ]
      : []),
    ...(unexpected > 0
      ? [
          `landing has ${unexpected.toLocaleString("en-US")} that the source lacks; ${again} (twice, if they were deleted)`,
        ]
      : []),
    ...(extra !== undefined && extra.watched > 0
      ? [`${extra.watched} were missing in the last full reading, too`]
      : []),
    ...(fresh > 0 ? [`${fresh} are new or edited since ${landed.since}`] : []),
    ...(hidden > 0 ? [`${hidden} were edited, which the source shows to full readings alone`] : []),
    ...(proven
      ? []
      : ["the source changed while it was read, so that deletions cannot be told: verify again"]),
  ];
  const isWrong = lost + changed + unexpected > 0;
  const status = isWrong
    ? "differs"
    : !proven
      ? "unproven"
      : (extra?.watched ?? 0) > 0
        ? "deleted"
        : fresh + hidden > 0
          ? "behind"
          : "equal";
  return {
    object: object.name,
    status,
    source: total,
    landing: landed.live + landed.held,
    lost,
    changed,
    extra: extra?.n ?? null,
    fresh: fresh + hidden,
    keys: {
      lost: of("lost")?.keys ?? [],
      changed: of("changed")?.keys ?? [],
      extra: extra?.keys ?? [],
    },
    because: because.length === 0 ? null : because.join("; "),
  };
}

async function extraKeys(
  comparing: Comparing,
): Promise<{ readonly n: number; readonly watched: number; readonly keys: readonly string[] }> {
  const { client, conta, object } = comparing;
  const rows = await query<{ n: number; watched: number; keys: string[] | null }>(
    client,
    sql`
      with extra as (
        select landed.chave
        from ${live(comparing)} as landed
        where landed.conta = ${conta}
          and not exists (
            select from pg_temp.elt_compared as seen where seen.chave = landed.chave collate "C"
          )
      )
      select
        count(*)::int as n,
        (count(*) filter (where exists (
          select from elt.removals
          where removals.conta = ${conta} and objeto = ${object.name}
            and removals.chave = extra.chave and removed_in is null
        )))::int as watched,
        (select array_agg(chave) from (
          select chave from extra order by chave limit ${SHOWN_KEYS}
        ) as first) as keys
      from extra`,
  );
  const [row] = rows;
  return { n: row?.n ?? 0, watched: row?.watched ?? 0, keys: row?.keys ?? [] };
}
