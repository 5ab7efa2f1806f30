import type { PoolClient } from "pg";
import { copyColumns, copyRows, type LandingRow } from "./copy-binary.ts";
import type { KeySet } from "./key-set.ts";
import { execute, query, sql } from "./query.ts";
import type { LandingRecord } from "./record.ts";

/** The load that records belong to. */
export type Load = {
  readonly conta: string;
  readonly object: string;
  readonly loadId: bigint;
  /** Numbers its versions in the order they arrived. */
  nextSeq: bigint;
  /**
   * The keys of this load, when the account had none of this object before: a key that is not among
   * them has no version, so nothing needs to be asked.
   */
  readonly onlyKeys: KeySet | undefined;
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
 * @returns how many versions were added
 * @throws DatabaseError when PostgreSQL refuses a record (22P02, 22P05, 22003…)
 */
export async function landRecords(
  client: PoolClient,
  load: Load,
  records: readonly LandingRecord[],
): Promise<number> {
  const newest = await newestHashes(client, load, records);
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
  return fresh.length + changed;
}

async function newestHashes(
  client: PoolClient,
  load: Load,
  records: readonly LandingRecord[],
): Promise<Map<string, string>> {
  const chaves = records
    .map((record) => record.chave)
    .filter((chave) => !load.onlyKeys?.add(chave));
  if (chaves.length === 0) return new Map();
  const rows = await query<{ chave: string; hash: string }>(
    client,
    sql`
      select wanted.chave, newest.hash
      from unnest(${chaves}::text[]) as wanted (chave)
      cross join lateral (
        select version.hash
        from landing.${sql.ident(load.object)} as version
        where version.conta = ${load.conta} and version.chave = wanted.chave
        order by version.load_id desc, version.seq desc
        limit 1
      ) as newest`,
  );
  return new Map(rows.map((row) => [row.chave, row.hash.replaceAll("-", "")]));
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
