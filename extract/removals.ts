import { findObject } from "./catalogue.ts";
import { execute, type Queryable, query, type SQLQuery, sql } from "./query.ts";

/** The keys that a proven full scan read. */
export type KeysRead =
  /** `scan_keys_<scan_id>` of schema `elt`: one column `chave`, its primary key. */
  { readonly keysTable: string } | { readonly chaves: readonly string[] };

/** What a proven full scan says about records that it did not bring. */
export type Removals = {
  /** Missing for the first time: watched from now on. */
  readonly missing: number;
  /** Missing for the second time in a row: removed now. */
  readonly removed: number;
  /** Removed by an earlier scan, and brought again by this load. */
  readonly returned: number;
  /** Why nothing was removed although records are missing, as a sentence. */
  readonly refused?: string;
};

type FullScan = {
  readonly conta: string;
  /** Its name in the catalogue. */
  readonly object: string;
  readonly loadId: bigint;
  readonly read: KeysRead;
  readonly allowMassRemoval: boolean;
  readonly now: Date;
};

/** More of an object's records at once are only removed when somebody says so. */
const MOST_AT_ONCE = 0.2;
/** Fewer than this are removed whatever their share: objects with three records exist. */
const A_HANDFUL = 5;

/**
 * Compares landing with the keys of a full scan. A record that is missing is watched; one that was
 * missing in the full scan before, too, is removed: `removed_at` is set on its newest version. Call
 * it only for a scan that is proven, in the transaction that moves the cursor.
 *
 * What costs is one anti-join of the account's part of landing's primary key (an index-only scan
 * once it is vacuumed) with the keys read, by hash; nothing else happens while nothing is missing.
 * All counts after it come from the few rows of `elt.removals`.
 */
export async function markRemovals(database: Queryable, scan: FullScan): Promise<Removals> {
  await forgetWhatWasRead(database, scan);
  const missing = await watchMissing(database, scan);
  const returned = await countReturned(database, scan);
  const gone = await countGone(database, scan);
  if (gone === 0) return { missing, removed: 0, returned };
  if (gone >= A_HANDFUL && !scan.allowMassRemoval) {
    const share = await shareOfLive(database, scan);
    if (share.gone >= A_HANDFUL && share.gone > share.live * MOST_AT_ONCE) {
      return { missing, removed: 0, returned, refused: refusal(scan.object, share) };
    }
  }
  return { missing, removed: await remove(database, scan), returned };
}

/**
 * Brings removed records back, because load `loadId` read them; keys that are not removed are left
 * alone. It does not matter whether their new versions are landed before or after.
 * @returns how many records came back
 */
export async function clearReturned(
  database: Queryable,
  load: {
    readonly conta: string;
    readonly object: string;
    readonly loadId: bigint;
    readonly chaves: readonly string[];
    readonly now: Date;
  },
): Promise<number> {
  await execute(
    database,
    sql`
      update landing.${sql.ident(load.object)}
      set removed_at = null
      where conta = ${load.conta} and chave = any (${load.chaves}::text[])
        and removed_at is not null`,
  );
  return execute(
    database,
    sql`
      update elt.removals
      set returned_in = ${load.loadId}, returned_at = ${load.now}
      where conta = ${load.conta} and objeto = ${load.object}
        and chave = any (${load.chaves}::text[])
        and removed_in is not null and returned_in is null`,
  );
}

/**
 * A watched record was there after all: among the keys read, or with a version that landed after
 * the scan that missed it.
 */
async function forgetWhatWasRead(database: Queryable, scan: FullScan): Promise<void> {
  await execute(
    database,
    sql`
      delete from elt.removals as watched
      where watched.conta = ${scan.conta} and watched.objeto = ${scan.object}
        and watched.removed_in is null
        and (
          exists (
            select from ${keysRead(scan.read)} as read (chave) where read.chave = watched.chave
          )
          or exists (
            select
            from landing.${sql.ident(scan.object)} as version
            where version.conta = watched.conta and version.chave = watched.chave
              and version.load_id > watched.missing_in
          )
        )`,
  );
}

async function watchMissing(database: Queryable, scan: FullScan): Promise<number> {
  return execute(
    database,
    sql`
      insert into elt.removals (conta, objeto, chave, missing_in)
      select distinct
        ${scan.conta}::text,
        ${scan.object}::text,
        version.chave,
        ${scan.loadId}::bigint
      from landing.${sql.ident(scan.object)} as version
      where version.conta = ${scan.conta}
        and not exists (
          select from ${keysRead(scan.read)} as read (chave) where read.chave = version.chave
        )
        and not exists (
          select
          from elt.removals as known
          where known.conta = ${scan.conta} and known.objeto = ${scan.object}
            and known.chave = version.chave and known.returned_in is null
        )`,
  );
}

async function countReturned(database: Queryable, scan: FullScan): Promise<number> {
  const [row] = await query<{ returned: number }>(
    database,
    sql`
      select count(*)::int as returned
      from elt.removals
      where returned_in = ${scan.loadId} and conta = ${scan.conta} and objeto = ${scan.object}`,
  );
  return row?.returned ?? 0;
}

async function countGone(database: Queryable, scan: FullScan): Promise<number> {
  const [row] = await query<{ gone: number }>(
    database,
    sql`select count(*)::int as gone from elt.removals as watched where ${isGone(scan)}`,
  );
  return row?.gone ?? 0;
}

/** Still watched, though by an earlier scan. */
function isGone({ conta, object, loadId }: FullScan): SQLQuery {
  return sql`
    watched.conta = ${conta} and watched.objeto = ${object} and watched.removed_in is null
    and watched.missing_in < ${loadId}`;
}

type Share = { readonly gone: number; readonly live: number };

/**
 * How many records would go, of how many that are live: the keys read and those watched.
 *
 * Where a hash of the record completes the key, an edit makes a new key and the old one vanishes; a
 * new field does that to every record at once. So a key counts as gone only when nothing of its own
 * fields is left, neither read nor merely watched.
 */
async function shareOfLive(database: Queryable, scan: FullScan): Promise<Share> {
  const own = ownFields(scan.object);
  const [row] = await query<Share>(
    database,
    sql`
      with staying as (
        select ${own(sql`read.chave`)} as own from ${keysRead(scan.read)} as read (chave)
        union
        select ${own(sql`watched.chave`)}
        from elt.removals as watched
        where watched.conta = ${scan.conta} and watched.objeto = ${scan.object}
          and watched.removed_in is null and watched.missing_in = ${scan.loadId}
      ),
      going as (
        select distinct ${own(sql`watched.chave`)} as own
        from elt.removals as watched
        where ${isGone(scan)}
      ),
      gone as (
        select going.own
        from going
        where not exists (select from staying where staying.own = going.own)
      )
      select
        (select count(*) from gone)::int as gone,
        (select count(*) from gone)::int + (select count(*) from staying)::int as live`,
  );
  return row ?? { gone: 0, live: 0 };
}

/** The part of a key that the source gave: without the hash that completes it, where one does. */
function ownFields(object: string): (chave: SQLQuery) => SQLQuery {
  if (!findObject(object)?.keyRepeats) return (chave) => chave;
  return (chave) => sql`regexp_replace(${chave}, '\\|[0-9a-f]+$', '')`;
}

function refusal(object: string, { gone, live }: Share): string {
  return `${object}: nothing was removed, though ${gone} of its ${live} records were missing in two full readings in a row: so many at once are rarely deleted. Check what the user of CVCRM_API_TOKEN may see in the CRM; if the records are gone indeed, run: npm run elt -- extract ${object} --full --allow-mass-removal`;
}

async function remove(database: Queryable, scan: FullScan): Promise<number> {
  const table = sql.ident(scan.object);
  await execute(
    database,
    sql`
      update landing.${table} as version
      set removed_at = ${scan.now}
      from elt.removals as watched
      cross join lateral (
        select candidate.load_id, candidate.seq
        from landing.${table} as candidate
        where candidate.conta = watched.conta and candidate.chave = watched.chave
        order by candidate.load_id desc, candidate.seq desc
        limit 1
      ) as newest
      where ${isGone(scan)}
        and version.conta = watched.conta and version.chave = watched.chave
        and version.load_id = newest.load_id and version.seq = newest.seq`,
  );
  return execute(
    database,
    sql`
      update elt.removals as watched
      set removed_in = ${scan.loadId}, removed_at = ${scan.now}
      where ${isGone(scan)}`,
  );
}

/** The keys as a relation of one column. */
function keysRead(read: KeysRead): SQLQuery {
  return "keysTable" in read
    ? sql`elt.${sql.ident(read.keysTable)}`
    : sql`unnest(${read.chaves}::text[])`;
}
