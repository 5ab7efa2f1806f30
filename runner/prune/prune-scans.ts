import type { Pool } from "pg";
import { extractionLock } from "../../extract/extract.ts";
import { execute, query, sql } from "../../extract/query.ts";
import { closeScan } from "../../extract/scan-record.ts";
import { LockError } from "../errors.ts";
import { locked } from "../session.ts";
import type { Pruned } from "./prune-logs.ts";

type Abandoned = { readonly scan_id: string; readonly conta: string; readonly mode: string };

/**
 * Gives up readings that no run went on with for so long, and drops tables of keys that a crash left.
 * What they landed stays; the next run begins them anew. One whose account is extracted right now is
 * left for another time.
 */
export async function pruneScans(
  pool: Pool,
  days: number,
  how: "count" | "delete",
): Promise<readonly Pruned[]> {
  const abandoned = await query<Abandoned>(
    pool,
    sql`
      select scan_id::text, conta, mode
      from elt.scans
      where greatest(
          started_at,
          (
            select max(coalesce(loads.finished_at, loads.started_at))
            from elt.loads
            where loads.scan_id = scans.scan_id
              or loads.conta = scans.conta and loads.objeto = scans.objeto
                and loads.mode = scans.mode and loads.verdict = 'running'
          )
        ) < now() - make_interval(days => ${days}::integer)
      order by scan_id`,
  );
  const orphans = await query<{ name: string }>(
    pool,
    sql`
      select relname as name
      from pg_class
      where relnamespace = 'elt'::regnamespace and relkind = 'r' and relname ~ '^scan_keys_\\d+$'
        and not exists (
          select from elt.scans where relname = 'scan_keys_' || scans.scan_id
        )
      order by relname`,
  );
  let closed = abandoned.length;
  if (how === "delete") {
    closed = 0;
    for (const scan of abandoned) if (await closeAbandoned(pool, scan)) closed++;
    for (const { name } of orphans) {
      await execute(pool, sql`drop table if exists elt.${sql.ident(name)}`);
    }
  }
  return [
    { what: "elt.scans", rows: closed },
    { what: "elt.scan_keys_*", rows: orphans.length },
  ];
}

async function closeAbandoned(pool: Pool, { scan_id, conta, mode }: Abandoned): Promise<boolean> {
  const name = mode === "backfill" ? `backfill ${conta}` : extractionLock(conta);
  try {
    await locked(pool, { name, subject: `A reading of account ${conta}` }, () =>
      closeScan(pool, scan_id),
    );
    return true;
  } catch (error) {
    if (error instanceof LockError) return false;
    throw error;
  }
}
