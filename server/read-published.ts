import type { Pool, PoolClient } from "pg";
import { execute, query, type SQLQuery, sql } from "../extract/query.ts";
import { unpublished } from "./problem.ts";
import { latestPublication, type Publication } from "./publication.ts";
import { columnOf, type ResultSet } from "./result-set.ts";

/** One unchanging state of the marts. */
export type Snapshot = {
  readonly publication: Publication;
  /** The database's day in Brasília, YYYY-MM-DD: what the views count up to. */
  readonly hoje: string;
  select(statement: SQLQuery): Promise<ResultSet>;
  /** The same rows some thousands at a time, so that many of them need little memory. At least one. */
  batches(statement: SQLQuery): AsyncIterable<ResultSet>;
};

const statementTimeoutMs = 10_000;
const batchRows = 5_000;

/**
 * Reads the marts in one read-only transaction: whatever `read` selects belongs to one publication.
 * Row-level access narrows to `conta` when it is given.
 *
 * @throws Problem when nothing is published yet; pg's errors when the database fails
 */
export async function readPublished<Result>(
  pool: Pool,
  conta: string | undefined,
  read: (snapshot: Snapshot) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let broken = false;
  try {
    // Dates and instants must look the same whatever the database's own settings say.
    await client.query(
      `begin isolation level repeatable read read only;
       set local statement_timeout = ${statementTimeoutMs};
       set local datestyle = 'ISO, YMD';
       set local timezone = 'UTC';
       set local jit = off;
       set local cursor_tuple_fraction = 1`,
    );
    const [day] = await query<{ hoje: string }>(
      client,
      sql`
        select
            set_config('elt.contas', ${conta ?? ""}, true),
            elt.hoje()::text as hoje`,
    );
    const publication = await latestPublication(client);
    if (publication === undefined) throw unpublished();
    const result = await read({
      publication,
      hoje: day?.hoje ?? "",
      select: (statement) => selectText(client, statement),
      batches: (statement) => fetchBatches(client, statement),
    });
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

async function* fetchBatches(client: PoolClient, statement: SQLQuery): AsyncGenerator<ResultSet> {
  await execute(client, sql`declare batches no scroll cursor for ${statement}`);
  for (;;) {
    const batch = await selectText(
      client,
      sql`fetch ${sql.__dangerous__rawValue(`${batchRows}`)} from batches`,
    );
    yield batch;
    if (batch.rows.length < batchRows) break;
  }
  await execute(client, sql`close batches`);
}

async function selectText(client: PoolClient, statement: SQLQuery): Promise<ResultSet> {
  const { text, values } = statement.format({
    escapeIdentifier: (name) => `"${name.replaceAll('"', '""')}"`,
    formatValue: (value, index) => ({ placeholder: `$${index + 1}`, value }),
  });
  const { fields, rows } = await client.query<(string | null)[]>({
    text,
    values: [...values],
    rowMode: "array",
    types: { getTypeParser: () => (value: string) => value },
  });
  return { columns: fields.map(columnOf), rows };
}
