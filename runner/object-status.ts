import type { Pool } from "pg";
import { query, sql } from "../extract/query.ts";
import { brasilia } from "./brasilia.ts";

/** How far one object of one account has been read. Times are Brasília's, `YYYY-MM-DD HH:MM`. */
export type ObjectStatus = {
  readonly conta: string;
  readonly object: string;
  /** Records that the source still has, as far as is known. */
  readonly live: number;
  /** Records that two full readings in a row did not bring. */
  readonly removed: number;
  /** Records that the last full reading did not bring; still live. */
  readonly watched: number;
  /** Records that stand in quarantine, and how many of them landed repaired. */
  readonly quarantined: number;
  readonly repaired: number;
  /** How the last reading ended, and what it read; backfills apart. */
  readonly verdict: string;
  readonly mode: string;
  readonly read: number;
  readonly new: number;
  readonly error: string | null;
  readonly last_read: string | null;
  readonly last_proven: string | null;
  /** What the next reading asks for; null: everything. */
  readonly next_from: string | null;
  /** Smaller than usual since the source was too slow; null: the usual. */
  readonly page_size: number | null;
  /** Readings that a later run goes on with. */
  readonly open_scans: readonly OpenScan[];
};

export type OpenScan = {
  readonly mode: string;
  readonly since: string | null;
  readonly until: string | null;
  readonly pass: number;
  /** Records of the pass; null before its first page. */
  readonly total: number | null;
  readonly unread: number | null;
};

type Place = { readonly conta: string; readonly object: string };
type Missing = Pick<ObjectStatus, "removed" | "watched">;
type Quarantined = Pick<ObjectStatus, "quarantined" | "repaired">;
type Reading = Omit<ObjectStatus, "live" | "open_scans" | keyof Missing | keyof Quarantined>;

/** Every object that was ever read, by account and name. */
export async function readObjectStatus(pool: Pool): Promise<readonly ObjectStatus[]> {
  const readings = await lastReadings(pool);
  const [keys, missing, quarantine, scans] = await Promise.all([
    countKeys(pool, [...new Set(readings.map(({ object }) => object))]),
    countMissing(pool),
    countQuarantined(pool),
    openScans(pool),
  ]);
  return readings.map((reading) => {
    const at = placeOf(reading);
    const { removed = 0, watched = 0 } = missing.get(at) ?? {};
    const { quarantined = 0, repaired = 0 } = quarantine.get(at) ?? {};
    const live = (keys.get(at) ?? 0) - removed;
    const open_scans = scans.filter((scan) => placeOf(scan) === at).map(withoutPlace);
    return { ...reading, live, removed, watched, quarantined, repaired, open_scans };
  });
}

function placeOf({ conta, object }: Place): string {
  return `${conta} ${object}`;
}

function withoutPlace({ conta, object, ...scan }: Place & OpenScan): OpenScan {
  return scan;
}

async function lastReadings(pool: Pool): Promise<readonly Reading[]> {
  return query<Reading>(
    pool,
    sql`
      select
        last.conta,
        last.objeto as object,
        last.verdict,
        last.mode,
        last.records::int as read,
        last.new_versions::int as new,
        last.error,
        ${brasilia(sql`last.finished_at`)} as last_read,
        ${brasilia(sql`proven.finished_at`)} as last_proven,
        to_char(cursors.cursor_at, 'YYYY-MM-DD HH24:MI') as next_from,
        cursors.page_size
      from (
        select distinct on (conta, objeto) *
        from elt.loads
        order by conta, objeto, mode in ('full', 'incremental') desc, load_id desc
      ) as last
      left join lateral (
        select loads.finished_at
        from elt.loads
        where loads.conta = last.conta and loads.objeto = last.objeto
          and loads.verdict = 'proven' and loads.mode in ('full', 'incremental')
        order by loads.load_id desc
        limit 1
      ) as proven on true
      left join elt.cursors on cursors.conta = last.conta and cursors.objeto = last.objeto
      order by last.conta, last.objeto`,
  );
}

/** Keys of landing, removed ones among them: an index-only scan of each object's primary key. */
async function countKeys(
  pool: Pool,
  objects: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (objects.length === 0) return new Map();
  const counts = objects.map(
    (object) => sql`
      select conta, ${object}::text as object, count(*)::int as keys
      from (select distinct conta, chave from landing.${sql.ident(object)}) as record
      group by conta`,
  );
  const rows = await query<Place & { readonly keys: number }>(
    pool,
    sql.join(counts, sql` union all `),
  );
  return new Map(rows.map((row) => [placeOf(row), row.keys]));
}

async function countMissing(pool: Pool): Promise<ReadonlyMap<string, Missing>> {
  const rows = await query<Place & Missing>(
    pool,
    sql`
      select
        conta,
        objeto as object,
        (count(*) filter (where removed_in is not null))::int as removed,
        (count(*) filter (where removed_in is null))::int as watched
      from elt.removals
      where returned_in is null
      group by conta, objeto`,
  );
  return new Map(rows.map((row) => [placeOf(row), row]));
}

async function countQuarantined(pool: Pool): Promise<ReadonlyMap<string, Quarantined>> {
  const rows = await query<Place & Quarantined>(
    pool,
    sql`
      select
        conta,
        objeto as object,
        count(*)::int as quarantined,
        (count(*) filter (where repaired))::int as repaired
      from elt.open_quarantine
      group by conta, objeto`,
  );
  return new Map(rows.map((row) => [placeOf(row), row]));
}

/** The first page is asked for to learn the total; then they are read from the last to the first. */
async function openScans(pool: Pool): Promise<readonly (Place & OpenScan)[]> {
  return query<Place & OpenScan>(
    pool,
    sql`
      select
        scans.conta,
        scans.objeto as object,
        scans.mode,
        scans.since,
        scans.until,
        scans.pass::int,
        (array_agg(pages.total order by pages.ordinal desc))[1]::int as total,
        coalesce(
          min((pages.page - 1) * pages.page_size) filter (where pages.ordinal > 0),
          max(pages.total)
        )::int as unread
      from elt.scans
      left join elt.scan_pages as pages on pages.scan_id = scans.scan_id
      group by scans.scan_id
      order by scans.scan_id`,
  );
}
