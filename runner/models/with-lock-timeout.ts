import { setTimeout as delay } from "node:timers/promises";
import { DatabaseError, type PoolClient } from "pg";
import { query, sql } from "../../extract/query.ts";
import { InfrastructureError } from "../errors.ts";

const GIVE_UP_MS = 60_000;
const PAUSE_MS = 250;
const LOCK_NOT_AVAILABLE = "55P03";

/** Waits of one try, together: what it holds already keeps readers waiting. */
const TRY_MS = 100;

/**
 * Runs DDL on relations that people may be reading. It never waits long with readers queued behind
 * it: each try gives up after 100 ms, rolls back to a savepoint and lets them pass.
 * @param work calls its argument before each statement that may have to wait
 * @throws InfrastructureError after a minute, naming who holds the relation
 */
export async function withLockTimeout(
  client: PoolClient,
  relations: readonly string[],
  work: (beforeWaiting: () => Promise<void>) => Promise<void>,
  { giveUpMs }: { readonly giveUpMs: number } = { giveUpMs: GIVE_UP_MS },
): Promise<void> {
  const deadline = performance.now() + giveUpMs;
  for (;;) {
    await client.query("savepoint ddl");
    const started = performance.now();
    const beforeWaiting = async (): Promise<void> => {
      const left = Math.max(1, Math.ceil(TRY_MS - (performance.now() - started)));
      await client.query(`set local lock_timeout = ${left}`);
    };
    try {
      await beforeWaiting();
      await work(beforeWaiting);
      await client.query("release savepoint ddl; set local lock_timeout = 0");
      return;
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== LOCK_NOT_AVAILABLE) throw error;
      await client.query("rollback to savepoint ddl; set local lock_timeout = 0");
      if (performance.now() > deadline) throw await blockedBy(client, relations);
      await delay(PAUSE_MS);
    }
  }
}

async function blockedBy(
  client: PoolClient,
  relations: readonly string[],
): Promise<InfrastructureError> {
  const holders = await query<{ relation: string; pid: number; application_name: string }>(
    client,
    sql`
      select locks.relation::regclass::text as relation, activity.pid, activity.application_name
      from pg_locks as locks
      inner join pg_stat_activity as activity on activity.pid = locks.pid
      where locks.granted
        and activity.pid <> pg_backend_pid()
        and locks.relation in (
          with recursive standing as (
            select to_regclass(name)::oid as oid from unnest(${relations}::text[]) as name
            union
            select ev_class
            from standing
            inner join pg_depend
              on refclassid = 'pg_class'::regclass and refobjid = standing.oid
                and classid = 'pg_rewrite'::regclass
            inner join pg_rewrite on pg_rewrite.oid = objid
          )
          select oid from standing
        )
      order by activity.pid, relation`,
  );
  const [first] = holders;
  const pids = new Map(holders.map((one) => [one.pid, one.application_name]));
  const who = [...pids].map(([pid, name]) => `pid ${pid}${name === "" ? "" : ` (${name})`}`);
  return new InfrastructureError(
    `${first?.relation ?? relations[0] ?? "A relation"} must change its definition but has been in use for a minute by ${who.join(", ") || "another session"}. Nothing was published: end that query and run again.`,
  );
}
