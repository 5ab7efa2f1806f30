import type { PoolClient } from "pg";
import { type Queryable, query, type SQLQuery, sql } from "./query.ts";

/** Who holds a lock, as far as the database tells. */
export type LockHolder = {
  /** The server's process. */
  readonly pid: number;
  readonly application: string;
  /** Null when the holder is another user's: PostgreSQL does not tell then. */
  readonly since: Date | null;
};

export type LockAttempt =
  | { readonly status: "held"; readonly release: () => Promise<void> }
  | { readonly status: "busy"; readonly holder: LockHolder | undefined };

/**
 * Tries to take a named lock of the database on this connection. The connection's death frees it,
 * so a crashed holder blocks nobody. The connection must do nothing else while it holds the lock:
 * PostgreSQL does not keep when a lock was given, but when a connection last became idle.
 */
export async function tryLock(client: PoolClient, name: string): Promise<LockAttempt> {
  const [row] = await query<{ locked: boolean }>(
    client,
    sql`select pg_try_advisory_lock(hashtextextended(${name}, 0)) as locked`,
  );
  if (row?.locked) {
    return {
      status: "held",
      release: async () => {
        await query(client, sql`select pg_advisory_unlock(hashtextextended(${name}, 0))`);
      },
    };
  }
  return { status: "busy", holder: await lockHolder(client, name) };
}

/** Who holds a lock now; undefined when nobody does. It does not take the lock to find out. */
export async function lockHolder(
  database: Queryable,
  name: string,
): Promise<LockHolder | undefined> {
  const [holder] = await query<LockHolder>(
    database,
    sql`
      select
        activity.pid,
        activity.application_name as application,
        activity.state_change as since
      from pg_locks as locks
      inner join pg_stat_activity as activity on activity.pid = locks.pid
      where locks.locktype = 'advisory' and locks.granted
        and locks.database = (select oid from pg_database where datname = current_database())
        and locks.objsubid = 1
        and (locks.classid::bigint << 32) + locks.objid::bigint
          = hashtextextended(${name}, 0)`,
  );
  return holder;
}

/**
 * The number of the lock without which nobody may land an object of an account: two that land at
 * once would make two versions supersede the same one.
 */
export function landingLock(of: { readonly conta: string; readonly object: string }): SQLQuery {
  return sql`hashtextextended(${`land ${of.conta} ${of.object}`}, 0)`;
}
