import { addAbortSignal, type Readable } from "node:stream";
import type { Pool, PoolClient } from "pg";
import { to as copyTo } from "pg-copy-streams";
import { execute, query, type SQLQuery, sql } from "../extract/query.ts";
import { databaseAway, unpublished } from "./problem.ts";
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
  /**
   * The rows as COPY writes them, chunk by chunk, as fast as the caller takes them. `options` is
   * what stands behind `with`, this program's own text. The signal ends it, and the connection.
   */
  copy(statement: SQLQuery, options: string, signal: AbortSignal): AsyncIterable<Buffer>;
};

/** Whose rows are read, and for how long. */
export type ReadOptions = {
  /** Row-level access narrows to these accounts; undefined means every one there is. */
  readonly contas: readonly string[] | undefined;
  /** A role that the transaction takes on, so that it can read no more than that role. */
  readonly role?: string | undefined;
  /** One statement may take as long. */
  readonly timeoutMs?: number;
  /** Notice while a statement runs that this process gave up; not every server system can. */
  readonly noticesLoss?: boolean;
};

const statementTimeoutMs = 10_000;
const idleTimeoutMs = 60_000;
/** Beyond what the database was given: then nobody is left to answer. */
const silenceMs = 5_000;
const batchRows = 5_000;

/**
 * Reads the marts in one read-only transaction: whatever `read` selects belongs to one publication.
 *
 * @throws Problem when nothing is published yet; pg's errors when the database fails
 */
export async function readPublished<Result>(
  pool: Pool,
  options: ReadOptions,
  read: (snapshot: Snapshot) => Promise<Result>,
): Promise<Result> {
  const { contas, role, timeoutMs = statementTimeoutMs, noticesLoss = false } = options;
  const client = await pool.connect();
  let broken = false;
  let copying = false;
  let released = false;
  const release = (lost: boolean) => {
    if (!released) client.release(lost);
    released = true;
  };
  // A connection can be dead without having ended; what is asked on it would wait for hours.
  const inTime = async <Value>(limitMs: number, answer: Promise<Value>): Promise<Value> => {
    const overdue = setTimeout(() => release(true), limitMs);
    try {
      return await answer;
    } catch (error) {
      throw released ? databaseAway(error instanceof Error ? error : undefined) : error;
    } finally {
      clearTimeout(overdue);
    }
  };
  const select = (statement: SQLQuery) =>
    inTime(timeoutMs + silenceMs, selectText(client, statement));
  try {
    // Dates and instants must look the same whatever the database's own settings say.
    await inTime(
      silenceMs,
      client.query(
        `begin isolation level repeatable read read only;
       set local statement_timeout = ${Math.round(timeoutMs)};
       set local idle_in_transaction_session_timeout = ${idleTimeoutMs};
       ${noticesLoss ? "set local client_connection_check_interval = '1s';" : ""}
       set local datestyle = 'ISO, YMD';
       set local timezone = 'UTC';
       set local jit = off;
       set local cursor_tuple_fraction = 1`,
      ),
    );
    const [day] = await query<{ hoje: string }>(
      client,
      sql`
        select
            set_config('elt.contas', ${(contas ?? []).join(",")}, true),
            elt.hoje()::text as hoje`,
    );
    const publication = await latestPublication(client);
    if (publication === undefined) throw unpublished();
    if (role !== undefined) await execute(client, sql`set local role ${sql.ident(role)}`);
    const result = await read({
      publication,
      hoje: day?.hoje ?? "",
      select,
      batches: (statement) => fetchBatches(select, statement),
      copy: async function* (statement, copyOptions, signal) {
        copying = true;
        const stream = await startCopy(client, statement, copyOptions);
        yield* addAbortSignal(signal, stream);
        copying = false;
      },
    });
    if (copying) throw new Error("a copy was not read to its end");
    await client.query("commit");
    return result;
  } catch (error) {
    // A copy that nobody reads on leaves no room for a rollback: ending the connection is one.
    if (copying || released) broken = true;
    else {
      await client.query("rollback").catch(() => {
        broken = true;
      });
    }
    throw error;
  } finally {
    release(broken);
  }
}

/**
 * COPY takes no parameters, so the values stand in settings of the transaction. Each of them is a
 * text that the statement casts.
 */
async function startCopy(
  client: PoolClient,
  statement: SQLQuery,
  options: string,
): Promise<Readable> {
  const { text, values } = statement.format({
    escapeIdentifier: quoteIdentifier,
    formatValue: (value, index) => ({
      placeholder: `current_setting('elt.p${index + 1}')`,
      value,
    }),
  });
  if (values.length > 0) {
    const settings = values.map(
      (value, index) => sql`set_config(${`elt.p${index + 1}`}, ${String(value)}, true)`,
    );
    await execute(client, sql`select ${sql.join(settings, ", ")}`);
  }
  return client.query(copyTo(`copy (${text}) to stdout with (${options})`));
}

function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

async function* fetchBatches(
  select: Snapshot["select"],
  statement: SQLQuery,
): AsyncGenerator<ResultSet> {
  await select(sql`declare batches no scroll cursor for ${statement}`);
  for (;;) {
    const batch = await select(
      sql`fetch ${sql.__dangerous__rawValue(`${batchRows}`)} from batches`,
    );
    yield batch;
    if (batch.rows.length < batchRows) break;
  }
  await select(sql`close batches`);
}

async function selectText(client: PoolClient, statement: SQLQuery): Promise<ResultSet> {
  const { text, values } = statement.format({
    escapeIdentifier: quoteIdentifier,
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
