import type { Load } from "./land.ts";
import { execute, type Queryable, query, sql } from "./query.ts";
import type { RefusalReason } from "./record.ts";
import type { RepairKind } from "./repair.ts";

/** Why a record stands in `elt.quarantine`. */
export type QuarantineReason =
  | RefusalReason
  | RepairKind
  | "too-deep"
  | "too-large"
  | "refused-value";

/** What is wrong with a record, and whether it landed in a repaired form. */
export type Trouble = {
  readonly reason: QuarantineReason;
  /** What PostgreSQL said to the raw text; undefined when it was not asked. */
  readonly sqlstate: string | undefined;
  readonly repaired: boolean;
};

/** A record that was read and did not land as the source sent it. */
export type CaughtRecord = Trouble & {
  readonly hash: string;
  readonly raw: Buffer;
  readonly chave: string | undefined;
  readonly page: number;
  readonly pageSize: number;
  /** Place in the page, from 1. */
  readonly position: number;
  /** Orders it among the versions of its key. */
  readonly seq: bigint;
  /** A newer version of its key landed with it, so nothing is left to do about this one. */
  readonly superseded: boolean;
};

/** Keeps records in quarantine. One that is there already is counted, and stands open again. */
export async function keepInQuarantine(
  database: Queryable,
  load: Load,
  caught: readonly CaughtRecord[],
): Promise<void> {
  const times = new Map<string, number>();
  const last = new Map<string, CaughtRecord>();
  for (const record of caught) {
    times.set(record.hash, (times.get(record.hash) ?? 0) + 1);
    last.set(record.hash, record);
  }
  // Transactions that meet the same records wait for each other in one order.
  const rows = [...last.values()].sort((a, b) => (a.hash < b.hash ? -1 : 1));
  for (const some of chunksOf(rows, ({ raw }) => raw.length)) {
    await execute(
      database,
      sql`
        insert into elt.quarantine as known (
          conta, objeto, load_id, hash, seq, page, page_size, position, reason, sqlstate, chave,
          raw, repaired, resolved_at, times_seen
        )
        select
          ${load.conta}, ${load.object}, ${load.loadId}::bigint, hash, seq, page, page_size,
          position, reason, sqlstate, chave, raw, repaired,
          case when superseded then now() end, times_seen
        from unnest(
          ${some.map(({ hash }) => hash)}::uuid[],
          ${some.map(({ seq }) => seq)}::bigint[],
          ${some.map(({ page }) => page)}::integer[],
          ${some.map(({ pageSize }) => pageSize)}::integer[],
          ${some.map(({ position }) => position)}::integer[],
          ${some.map(({ reason }) => reason)}::text[],
          ${some.map(({ sqlstate }) => sqlstate ?? null)}::text[],
          ${some.map(({ chave }) => chave ?? null)}::text[],
          ${some.map(({ raw }) => raw)}::bytea[],
          ${some.map(({ repaired }) => repaired)}::boolean[],
          ${some.map(({ superseded }) => superseded)}::boolean[],
          ${some.map(({ hash }) => times.get(hash) ?? 1)}::bigint[]
        ) as caught (
          hash, seq, page, page_size, position, reason, sqlstate, chave, raw, repaired,
          superseded, times_seen
        )
        order by hash
        on conflict (conta, objeto, hash) do update set
          load_id = excluded.load_id,
          seq = excluded.seq,
          page = excluded.page,
          page_size = excluded.page_size,
          position = excluded.position,
          reason = excluded.reason,
          sqlstate = coalesce(excluded.sqlstate, known.sqlstate),
          chave = excluded.chave,
          repaired = excluded.repaired,
          resolved_at = excluded.resolved_at,
          last_seen_at = excluded.last_seen_at,
          times_seen = known.times_seen + excluded.times_seen`,
    );
  }
}

/** Those of some hashes that stand in quarantine because no form of them lands. */
export async function knownTroubles(
  database: Queryable,
  load: Load,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, Trouble>> {
  if (hashes.length === 0) return new Map();
  const rows = await query<{ hash: string; reason: QuarantineReason; sqlstate: string | null }>(
    database,
    sql`
      select hash, reason, sqlstate
      from elt.quarantine
      where conta = ${load.conta} and objeto = ${load.object} and hash = any (${hashes}::uuid[])
        and not repaired and resolved_at is null`,
  );
  return new Map(
    rows.map(({ hash, reason, sqlstate }) => [
      hash.replaceAll("-", ""),
      { reason, sqlstate: sqlstate ?? undefined, repaired: false },
    ]),
  );
}

/** The SQLSTATE with which PostgreSQL refuses each text as jsonb; null for those it takes. */
export async function jsonProblems(
  database: Queryable,
  texts: readonly Buffer[],
): Promise<readonly (string | null)[]> {
  const problems: (string | null)[] = [];
  for (const some of chunksOf(texts, (text) => text.length)) {
    const rows = await query<{ problem: string | null }>(
      database,
      sql`
        select elt.json_problem(raw) as problem
        from unnest(${some}::bytea[]) with ordinality as given (raw, place)
        order by place`,
    );
    problems.push(...rows.map(({ problem }) => problem));
  }
  return problems;
}

/** A parameter is sent as hexadecimal text, and held in memory. */
const CHUNK_BYTES = 8_000_000;

function chunksOf<Item>(
  items: readonly Item[],
  bytesOf: (item: Item) => number,
): readonly (readonly Item[])[] {
  const chunks: Item[][] = [];
  let room = 0;
  for (const item of items) {
    const bytes = bytesOf(item);
    if (bytes > room || chunks.length === 0) {
      chunks.push([]);
      room = CHUNK_BYTES;
    }
    chunks.at(-1)?.push(item);
    room -= bytes;
  }
  return chunks;
}
