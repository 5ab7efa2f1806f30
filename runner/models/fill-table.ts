import type { PoolClient } from "pg";
import { connect } from "../../extract/connection.ts";
import { execute, sql } from "../../extract/query.ts";
import { refusedBy } from "./carry-constraints.ts";
import { logChanges } from "./change-log.ts";
import { quoted } from "./draft.ts";
import { ensureIndexes } from "./finish-table.ts";
import { PII_SCHEMA } from "./masked-columns.ts";
import { commentRelation } from "./relation-record.ts";
import { type PendingSwap, type RunningBuild, standInSchema } from "./running-build.ts";
import { applyDelta, computeDelta } from "./table-delta.ts";
import { type Column, columnsOf } from "./table-diff.ts";
import { withLockTimeout } from "./with-lock-timeout.ts";

/** So many rows are filled while readers wait for the new columns: some tens of milliseconds. */
const FEW_ROWS = 5_000;

/** New columns of a table that stands, and whether it is large. */
export type InPlace = {
  readonly swap: PendingSwap;
  readonly added: readonly Column[];
  readonly isLarge: boolean;
};

/** Looks up which columns a table gets that keeps its place. */
export async function inPlaceOf(build: RunningBuild, swap: PendingSwap): Promise<InPlace> {
  const published = await columnsOf(build.client, quoted(swap.schema, swap.model.relation));
  const added = swap.columns.filter(({ name }) => !published.some((one) => one.name === name));
  return { swap, added, isLarge: swap.rows > (build.options.fewRows ?? FEW_ROWS) };
}

/**
 * Adds empty columns by a transaction of its own, which readers hardly notice: inside the build's
 * they would wait until all rows are filled and committed. Rows that a reader's snapshot shows stay
 * as they are, which a table that is swapped cannot promise. A build that fails takes them away.
 */
export async function addColumnsAside(
  build: RunningBuild,
  { swap, added }: InPlace,
): Promise<void> {
  if (added.length === 0) return;
  const { model, schema } = swap;
  build.addedAside.push({ schema, relation: model.relation, columns: added });
  await inOwnTransaction(build, quoted(schema, model.relation), async (client) => {
    await client.query(addColumnsText(schema, model.relation, added));
  });
}

/** Takes the empty columns of a build that failed away again; tells of those that it could not. */
export async function removeColumnsAside(build: RunningBuild): Promise<void> {
  for (const { schema, relation, columns } of build.addedAside) {
    const drops = columns.map(({ name }) => `drop column if exists ${quoted(name)}`);
    try {
      await inOwnTransaction(build, quoted(schema, relation), async (client) => {
        await client.query(`alter table ${quoted(schema, relation)} ${drops.join(", ")}`);
      });
    } catch {
      const names = columns.map(({ name }) => name).join(", ");
      build.emit({
        type: "warning",
        message: `${schema}.${relation} keeps the empty column ${names} of this build, which failed: the next one that succeeds fills it.`,
      });
    }
  }
}

/** Runs DDL on a table beside the build, when nobody reads it for a moment. */
async function inOwnTransaction(
  { pool }: Pick<RunningBuild, "pool">,
  table: string,
  work: (client: PoolClient) => Promise<void>,
): Promise<void> {
  const { client, release } = await connect(pool);
  try {
    await client.query("begin");
    await withLockTimeout(client, [table], () => work(client));
    await client.query("commit");
  } finally {
    await client.query("rollback").catch(() => undefined);
    release();
  }
}

/** Adds columns inside the build's transaction, while readers wait. */
export async function addColumns(build: RunningBuild, { swap, added }: InPlace): Promise<void> {
  if (added.length === 0) return;
  await build.client.query(addColumnsText(swap.schema, swap.model.relation, added));
}

function addColumnsText(schema: string, relation: string, added: readonly Column[]): string {
  const definitions = added.map(({ name, type }) => `add column ${quoted(name)} ${type}`);
  return `alter table ${quoted(schema, relation)} ${definitions.join(", ")}`;
}

/** Makes the rows of a table that has its new columns those that wait beside it. */
export async function fillTable(build: RunningBuild, { swap, added }: InPlace): Promise<void> {
  const { client, runId } = build;
  const { model, schema, columns } = swap;
  const table = sql.ident(schema, model.relation);
  const standIn = sql.ident(standInSchema(schema), model.relation);
  const publication = {
    target: table,
    source: standIn,
    present: table,
    columns: columns.map(({ name }) => name),
    key: model.header.key,
  };
  const delta = await computeDelta(client, publication, build.temporaryName("delta"));
  try {
    await applyDelta(client, publication, delta);
  } catch (error) {
    throw refusedBy(model, error);
  }
  // A column that was not there has no value that changed.
  const before = delta.columns.filter((name) => !added.some((column) => column.name === name));
  const told = schema === PII_SCHEMA ? "personal columns" : "every column";
  await logChanges(client, { runId, model }, { ...delta, columns: before }, table, told);
  await execute(client, sql`drop table ${standIn}`);
  await commentRelation(client, model, schema, columns);
  await ensureIndexes(client, model, schema, columns);
}

/** Lets columns go that nothing stands on. */
export async function dropColumns(build: RunningBuild, { swap }: InPlace): Promise<void> {
  if (swap.removed.length === 0) return;
  const drops = swap.removed.map((name) => `drop column ${quoted(name)}`);
  await build.client.query(
    `alter table ${quoted(swap.schema, swap.model.relation)} ${drops.join(", ")}`,
  );
}
