import type { PoolClient } from "pg";
import type { TestDatabase } from "../postgres.ts";

/** Runs in one transaction, whose clock stands still: midnight cannot come between two reads. */
export async function inOneMoment(
  database: TestDatabase,
  run: (client: PoolClient, hoje: string) => Promise<void>,
): Promise<void> {
  const client = await database.pool.connect();
  try {
    await client.query("begin");
    const { rows } = await client.query<{ hoje: string }>("select elt.hoje()::text as hoje");
    await run(client, rows[0]?.hoje ?? "");
  } finally {
    await client.query("rollback");
    client.release();
  }
}

/** Runs once for each of `days`, in a transaction where the database takes it for today. */
export async function onDays(
  database: TestDatabase,
  days: readonly string[],
  run: (client: PoolClient, hoje: string) => Promise<void>,
): Promise<void> {
  for (const day of days) {
    await inOneMoment(database, async (client) => {
      await client.query(
        `create or replace function elt.hoje() returns date
         language sql stable parallel safe return date '${day}'`,
      );
      await run(client, day);
    });
  }
}
