import type { PoolClient } from "pg";
import { copyColumns, copyRows, type LandingRow } from "./copy-binary.ts";
import { execute, query, sql } from "./query.ts";
import type { LandingRecord } from "./record.ts";
import { clearReturned } from "./removals.ts";

/** The load that records belong to. */
export type Load = {
  readonly conta: string;
  readonly object: string;
  /** Higher than that of every load that landed before. A backfill takes another when it must. */
  loadId: bigint;
  /** Numbers its versions in the order they arrived. */
  nextSeq: bigint;
  /** The scan that it goes on with; undefined until that has several pages. */
  scanId: string | undefined;
  /** Where the keys that a scan of several pages reads are written down; undefined without one. */
  seenKeys: SeenKeys | undefined;
};

/** The keys that the current pass of a scan has read, as a table of schema `elt`. */
export type SeenKeys = {
  readonly table: string;
  /**
   * All versions that landing has of this object and account were landed by this scan in this pass:
   * a key that was not read before has none, so nothing needs to be asked.
   */
  readonly coverLanding: boolean;
};

/** What landing records did. */
export type Landed = {
  readonly newVersions: number;
  /** Keys that the pass had not read before; 0 without a table of them. */
  readonly newKeys: number;
};

const columnList = copyColumns.join(", ");

/**
 * Lands records: a record equal to its key's newest version
 * adds nothing, one that differs adds a version that supersedes it.
 *
 * Parsing jsonb is what landing costs, so it is paid only for records that changed: the hash of
 * each key's newest version is asked first. New keys then go straight into the table; keys that
 * exist with another hash take a detour through a temporary table, where the values are compared
 * as jsonb, since the source may write the same value in another way.
 *
 * Keys are written down in the same statement that asks for their versions. A record that had been
 * removed is live again.
 *
 * @throws DatabaseError when PostgreSQL refuses a record (22P02, 22P05, 22003…)
 */
export async function landRecords(
  client: PoolClient,
  load: Load,
  records: readonly LandingRecord[],
): Promise<Landed> {
  const { newest, removed, newKeys } = await newestVersions(client, load, records);
  const fresh: LandingRow[] = [];
  const candidates: LandingRow[] = [];
  for (const record of records) {
    const known = newest.get(record.chave);
    if (known === record.hash) continue;
    newest.set(record.chave, record.hash);
    (known === undefined ? fresh : candidates).push({ record, seq: load.nextSeq++ });
  }
  if (fresh.length > 0) {
    const table = `landing.${quote(load.object)} (${columnList})`;
    await copyRows(client, `copy ${table} from stdin (format binary)`, load, fresh);
  }
  const changed = candidates.length > 0 ? await landCandidates(client, load, candidates) : 0;
  if (removed.length > 0) {
    await clearReturned(client, { ...load, chaves: removed, now: new Date() });
  }
  return { newVersions: fresh.length + changed, newKeys };
}

type NewestVersions = {
  /** Hash by key. */
  readonly newest: Map<string, string>;
  /** Keys whose newest version is removed. */
  readonly removed: readonly string[];
  readonly newKeys: number;
};

async function newestVersions(
  client: PoolClient,
  load: Load,
  records: readonly LandingRecord[],
): Promise<NewestVersions> {
  const chaves = [...new Set(records.map((record) => record.chave))];
  if (chaves.length === 0) return { newest: new Map(), removed: [], newKeys: 0 };
  const rows = await query<{
    chave: string | null;
    hash: string;
    removed: boolean;
    new_keys: number;
  }>(
    client,
    load.seenKeys === undefined ? probe(load, chaves) : probeAndNote(load, load.seenKeys, chaves),
  );
  const newest = new Map<string, string>();
  const removed: string[] = [];
  let newKeys = 0;
  for (const row of rows) {
    if (row.chave === null) {
      newKeys = row.new_keys;
      continue;
    }
    newest.set(row.chave, row.hash.replaceAll("-", ""));
    if (row.removed) removed.push(row.chave);
  }
  return { newest, removed, newKeys };
}

/** The newest version of each key that has one. */
function probe(load: Load, chaves: readonly string[]) {
  return sql`
    select wanted.chave, newest.hash, newest.removed, 0 as new_keys
    from unnest(${chaves}::text[]) as wanted (chave)
    cross join lateral (${newestVersion(load)}) as newest`;
}

/** The same, and the keys are added to those read; a row without key counts the new ones. */
function probeAndNote(load: Load, seen: SeenKeys, chaves: readonly string[]) {
  const asked = seen.coverLanding
    ? sql`where not exists (select from added where added.chave = wanted.chave collate "C")`
    : sql``;
  return sql`
    with wanted as materialized (
      select unnest(${chaves}::text[]) as chave
    ),
    added as (
      insert into elt.${sql.ident(seen.table)} (chave)
      select wanted.chave from wanted
      on conflict do nothing
      returning chave
    )
    select null as chave, null as hash, null as removed, count(*)::integer as new_keys
    from added
    union all
    select wanted.chave, newest.hash, newest.removed, 0
    from wanted
    cross join lateral (${newestVersion(load)}) as newest
    ${asked}`;
}

function newestVersion(load: Load) {
  return sql`
    select version.hash, version.removed_at is not null as removed
    from landing.${sql.ident(load.object)} as version
    where version.conta = ${load.conta} and version.chave = wanted.chave
    order by version.load_id desc, version.seq desc
    limit 1`;
}

async function landCandidates(
  client: PoolClient,
  load: Load,
  rows: readonly LandingRow[],
): Promise<number> {
  await execute(
    client,
    sql`
      create temporary table if not exists landing_candidates (
        conta text, chave text, load_id bigint, seq bigint, referencia_data timestamp, hash uuid,
        payload jsonb
      )`,
  );
  await execute(client, sql`truncate pg_temp.landing_candidates`);
  await copyRows(
    client,
    `copy pg_temp.landing_candidates (${columnList}) from stdin (format binary)`,
    load,
    rows,
  );
  const table = sql.ident(load.object);
  return execute(
    client,
    sql`
      with chain as (
        select
          candidate.*,
          newest.load_id as newest_load_id,
          newest.seq as newest_seq,
          coalesce(lag(candidate.payload) over versions, newest.payload) as previous_payload
        from pg_temp.landing_candidates as candidate
        left join lateral (
          select version.load_id, version.seq, version.payload
          from landing.${table} as version
          where version.conta = candidate.conta and version.chave = candidate.chave
          order by version.load_id desc, version.seq desc
          limit 1
        ) as newest on true
        window versions as (partition by candidate.chave order by candidate.seq)
      ),
      changed as (
        select *, lag(seq) over (partition by chave order by seq) as previous_seq
        from chain
        where payload is distinct from previous_payload
      )
      insert into landing.${table} (
        conta, chave, load_id, seq, supersedes_load_id, supersedes_seq, referencia_data, hash,
        payload
      )
      select
        conta, chave, load_id, seq,
        case when previous_seq is null then newest_load_id else load_id end,
        coalesce(previous_seq, newest_seq),
        referencia_data, hash, payload
      from changed`,
  );
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
