import type { Pool } from "pg";
import { type Queryable, query, sql } from "../extract/query.ts";
import { brasilia } from "./brasilia.ts";

/** A record in quarantine as a person may see it: nothing of what it holds but its key. */
export type ListedRecord = {
  readonly id: number;
  readonly conta: string;
  readonly object: string;
  readonly reason: string;
  /** Null where it has none, or where it is no plain identifier. */
  readonly key: string | null;
  /** Where it was read last. */
  readonly page: number;
  readonly pageSize: number;
  readonly position: number;
  /** Brasília wall clock. */
  readonly since: string;
  readonly last: string;
  readonly times: number;
  readonly sqlstate: string | null;
  /** `repaired`, `no`, or `closed`: it landed later, a newer version did, or the source lost it. */
  readonly landed: "repaired" | "no" | "closed";
};

/**
 * What stands in quarantine, the newest first.
 * @param objects names of the catalogue; empty for all
 */
export async function listQuarantine(
  database: Queryable,
  options: {
    readonly objects: readonly string[];
    readonly closed: "left out" | "included";
    readonly limit: number;
  },
): Promise<{ readonly total: number; readonly records: readonly ListedRecord[] }> {
  const { objects, closed, limit } = options;
  const listed = sql`
    with listed as (
      select held.*, still.hash is not null as is_open
      from elt.quarantine as held
      left join elt.open_quarantine as still
        on still.conta = held.conta and still.objeto = held.objeto and still.hash = held.hash
      where (still.hash is not null or ${closed === "included"})
        and (${objects.length === 0} or held.objeto = any (${objects}::text[]))
    )`;
  const [count] = await query<{ total: number }>(
    database,
    sql`${listed} select count(*)::int as total from listed`,
  );
  const records = await query<ListedRecord>(
    database,
    sql`
      ${listed}
      select
        quarantine_id::int as id,
        conta,
        objeto as object,
        reason,
        case when chave ~ '^[[:alnum:] _.:|-]{1,60}$' then chave end as key,
        page,
        page_size as "pageSize",
        position,
        ${brasilia(sql`first_seen_at`)} as since,
        ${brasilia(sql`last_seen_at`)} as last,
        times_seen::int as times,
        sqlstate,
        case when not is_open then 'closed' when repaired then 'repaired' else 'no' end as landed
      from listed
      order by last_seen_at desc, quarantine_id desc
      limit ${limit}`,
  );
  return { total: count?.total ?? 0, records };
}

/** The bytes of one record as the source sent them; undefined when there is no such number. */
export async function readRaw(pool: Pool, id: number): Promise<Buffer | undefined> {
  const [row] = await query<{ raw: Buffer }>(
    pool,
    sql`select raw from elt.quarantine where quarantine_id = ${id}`,
  );
  return row?.raw;
}

/** Accounts and objects with records that did not land in any form. */
export async function heldObjects(
  pool: Pool,
): Promise<readonly { readonly conta: string; readonly object: string }[]> {
  return query(
    pool,
    sql`
      select distinct conta, objeto as object
      from elt.quarantine
      where resolved_at is null and not repaired
      order by conta, objeto`,
  );
}
