import type { Pool } from "pg";
import { execute, query, sql } from "../extract/query.ts";
import { brasilia } from "./brasilia.ts";

/** An account that was read into the database. */
export type Account = {
  readonly conta: string;
  /** Brasília, `YYYY-MM-DD HH:MM`; null when nothing of it was read to its end. */
  readonly lastRead: string | null;
  readonly retired: string | null;
};

/** Every account that was read, those that are read no longer among them. */
export function readAccounts(pool: Pool): Promise<readonly Account[]> {
  return query<Account>(
    pool,
    sql`
      select
        read.conta,
        ${brasilia(sql`read.last_read`)} as "lastRead",
        ${brasilia(sql`accounts.retired_at`)} as retired
      from (
        select conta, max(finished_at) filter (where verdict = 'proven') as last_read
        from elt.loads
        where mode in ('full', 'incremental')
        group by conta
      ) as read
      left join elt.accounts using (conta)
      order by read.conta`,
  );
}

/** Lets the age of an account count no more, and ends its incidents. */
export async function retireAccount(pool: Pool, conta: string): Promise<void> {
  await execute(
    pool,
    sql`
      with ended as (
        update elt.incidents
        set closed_at = now()
        where conta = ${conta} and closed_at is null and kind <> 'kpi-moved'
      )
      insert into elt.accounts as known (conta, retired_at) values (${conta}, now())
      on conflict (conta) do update set retired_at = coalesce(known.retired_at, now())`,
  );
}

/** An account that is read is retired no longer. */
export async function resumeAccount(pool: Pool, conta: string): Promise<void> {
  await execute(
    pool,
    sql`
      update elt.accounts set retired_at = null
      where conta = ${conta} and retired_at is not null`,
  );
}
