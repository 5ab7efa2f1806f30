import { DatabaseError } from "pg";
import { execute, query, type SQLQuery, sql } from "../../extract/query.ts";
import { forgetGrants } from "./access.ts";
import { refusedBy } from "./carry-constraints.ts";
import { logChanges } from "./change-log.ts";
import { type ColumnChange, compareColumns } from "./column-changes.ts";
import { assertHeaderColumns, type BuiltRows, computeRows, wholeText } from "./compute-rows.ts";
import { finishNewTable, primaryKeyOf } from "./finish-table.ts";
import { withinIndexLimits } from "./index-limit.ts";
import { assertKey } from "./key-test.ts";
import { columnExpressions, PII_SCHEMA, type Target, targetsOf } from "./masked-columns.ts";
import type { ModelPlan } from "./plan-model.ts";
import type { Model } from "./project.ts";
import { runModel } from "./run-model.ts";
import { openStandInSchema, type RelationChange, type RunningBuild } from "./running-build.ts";
import { applyDelta, computeDelta, type Delta, type Publication, sizeOf } from "./table-delta.ts";
import { type Column, columnsOf, type RowChanges } from "./table-diff.ts";

/** What publishing a table did. */
export type PublishedTable = {
  readonly changes: RowChanges;
  readonly change: RelationChange;
  /** Set when it was not computed as planned. */
  readonly plan?: ModelPlan;
};

/**
 * Computes a table model as planned, inside the build's transaction, and publishes it by
 * difference. A model with personal columns fills two tables: masked in its own schema, clear in
 * `marts_pii`. A table that gets other columns stands beside the published one till the end.
 *
 * @throws ModelError when the text fails
 * @throws TestFailure when its key is not unique or has nulls
 */
export async function publishTable(
  build: RunningBuild,
  model: Model,
  plan: Exclude<ModelPlan, { how: "unchanged" }>,
): Promise<PublishedTable> {
  const { header } = model;
  const published = await columnsOf(build.client, model.name);
  if (published.length === 0 && header.pii.size === 0) return createDirectly(build, model);

  const planned = await computeRows(build, model, plan);
  if (planned.keys !== undefined && !(await takesSomeRows(build, model, planned.columns))) {
    // Somebody dropped its key, gave it a column…: it is made anew, and some rows are not all.
    await execute(build.client, sql`drop table ${planned.table}`);
    const whole = { how: "whole", because: "its table is not as a build left it" } as const;
    return {
      ...(await publishRows(build, model, await computeRows(build, model, whole))),
      plan: whole,
    };
  }
  return publishRows(build, model, planned);
}

/** The published tables have the columns and the key that computed rows are compared by. */
async function takesSomeRows(
  { client }: RunningBuild,
  model: Model,
  columns: readonly Column[],
): Promise<boolean> {
  for (const target of targetsOf(model, columns)) {
    if (target === undefined) continue;
    const name = `${target.schema}.${model.relation}`;
    const { kind } = compareColumns(await columnsOf(client, name), target.columns);
    const key = await primaryKeyOf(client, name);
    if (kind !== "same" || key.join() !== model.header.key.join()) return false;
  }
  return true;
}

async function publishRows(
  build: RunningBuild,
  model: Model,
  built: BuiltRows,
): Promise<PublishedTable> {
  const [main, clear] = targetsOf(model, built.columns);
  const result = await publishTarget(build, model, built, main);
  if (clear !== undefined) await publishTarget(build, model, built, clear);
  await execute(build.client, sql`drop table ${built.table}`);
  return result;
}

/** The first build of a model without personal columns fills its table without a detour. */
async function createDirectly(build: RunningBuild, model: Model): Promise<PublishedTable> {
  const { client } = build;
  const target = `"${model.schema}"."${model.relation.replaceAll('"', '""')}"`;
  const total = await runModel(client, model, {
    before: `create table ${target} as`,
    edited: wholeText(build, model),
  });
  const columns = await columnsOf(client, model.name);
  assertHeaderColumns(model, columns);
  tellOfOpenRows(build, model, columns);
  await finishNewTable(client, model, model.schema, columns);
  await forgetGrants(client, model.name);
  return firstRows(total);
}

/** Logins that may read some accounts alone are told apart by a column of the rows. */
function tellOfOpenRows({ emit }: RunningBuild, model: Model, columns: readonly Column[]): void {
  if (model.schema !== "marts" || columns.some(({ name }) => name === "conta")) return;
  const message = `${model.name} has no column conta, so logins that may read some accounts alone read all of its rows.`;
  emit({ type: "warning", message });
}

function firstRows(total: number): PublishedTable {
  return {
    changes: { total, added: total, changed: 0, removed: 0 },
    change: { status: "all", because: "was built for the first time" },
  };
}

async function publishTarget(
  build: RunningBuild,
  model: Model,
  built: BuiltRows,
  target: Target,
): Promise<PublishedTable> {
  const { client } = build;
  const name = `${target.schema}.${model.relation}`;
  const table = sql.ident(target.schema, model.relation);
  const source = sql`(select ${columnExpressions(target)} from ${built.table} as built)`;
  const published = await columnsOf(client, name);
  if (published.length === 0) {
    const total = await execute(client, sql`create table ${table} as select * from ${source} as r`);
    tellOfOpenRows(build, model, target.columns);
    await finishNewTable(client, model, target.schema, target.columns);
    await forgetGrants(client, model.name);
    return firstRows(total);
  }
  const publication: Publication = {
    target: table,
    source,
    present: presentRows(table, built),
    columns: target.columns.map((column) => column.name),
    key: model.header.key,
  };
  const told = target.schema === PII_SCHEMA ? "personal columns" : "every column";
  const columnChange = compareColumns(published, target.columns);
  const hasKey = (await primaryKeyOf(client, name)).join() === model.header.key.join();
  if (columnChange.kind !== "same" || !hasKey) {
    return createStandIn(build, model, target, {
      publication,
      published,
      told,
      columnChange,
      hasKey,
    });
  }
  const delta = await computeDelta(client, publication, build.temporaryName("delta"));
  await applyToTable(build, model, { publication, delta, built });
  await logChanges(client, { runId: build.runId, model }, delta, table, told);
  return {
    changes: await countRows(build, model, table, delta),
    change: sizeOf(delta) === 0 ? { status: "unchanged" } : { status: "rows", delta },
  };
}

/** The published rows that computed ones stand for. */
function presentRows(table: SQLQuery, { keys }: BuiltRows): SQLQuery {
  if (keys === undefined) return table;
  const matches = keys.columns.map(
    (column, index) => sql`${sql.ident("k", `k${index + 1}`)} = ${sql.ident("present", column)}`,
  );
  return sql`
    (
      select present.*
      from ${table} as present
      inner join ${keys.table} as k on ${sql.join(matches, " AND ")}
    )`;
}

const KEY_FAULTS = new Set(["23505", "23502"]);

/**
 * Applies a difference. A repeated or missing key is found without a test of its own: by the
 * primary key when its row is new, else by a row that met more than one.
 */
async function applyToTable(
  build: RunningBuild,
  model: Model,
  work: {
    readonly publication: Publication;
    readonly delta: Delta;
    readonly built: BuiltRows;
  },
): Promise<void> {
  const { client } = build;
  const { publication, delta, built } = work;
  const [present] = await query<{ count: string }>(
    client,
    sql`select count(*) as count from ${publication.present} as present`,
  );
  if (built.count - delta.added !== Number(present?.count ?? 0) - delta.removed) {
    await assertKey(client, model, built.table);
  }
  if (sizeOf(delta) === 0) return;
  await client.query("savepoint apply");
  try {
    await withinIndexLimits(model, { keyword: "key", names: model.header.key }, () =>
      applyDelta(client, publication, delta),
    );
    await client.query("release savepoint apply");
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    await client.query("rollback to savepoint apply");
    if (KEY_FAULTS.has(error.code ?? "")) await assertKey(client, model, built.table);
    throw refusedBy(model, error);
  }
}

async function countRows(
  build: RunningBuild,
  model: Model,
  table: SQLQuery,
  { added, changed, removed }: Delta,
): Promise<RowChanges> {
  const before = build.states.get(model.name)?.rows;
  const total =
    before === undefined
      ? Number(
          (
            await query<{ count: string }>(
              build.client,
              sql`select count(*) as count from ${table}`,
            )
          )[0]?.count ?? 0,
        )
      : before + added - removed;
  if ((added + changed + removed) * 10 > total) await execute(build.client, sql`analyze ${table}`);
  return { total, added, changed, removed };
}

/**
 * Puts a table with other columns beside the published one, which readers keep until the end of the
 * build: what follows reads the new one.
 */
async function createStandIn(
  build: RunningBuild,
  model: Model,
  target: Target,
  work: {
    readonly publication: Publication;
    readonly published: readonly Column[];
    readonly told: "every column" | "personal columns";
    readonly columnChange: ColumnChange;
    /** The published table has the key that the model has now. */
    readonly hasKey: boolean;
  },
): Promise<PublishedTable> {
  const { client } = build;
  const { publication, published, told, columnChange, hasKey } = work;
  const schema = await openStandInSchema(build, target.schema);
  const table = sql.ident(schema, model.relation);
  const total = await execute(
    client,
    sql`create table ${table} as select * from ${publication.source} as r`,
  );
  await finishNewTable(client, model, schema, target.columns);
  build.standIns.set(`${target.schema}.${model.relation}`, schema);
  build.swaps.push({
    model,
    schema: target.schema,
    columns: target.columns,
    kind: columnChange.kind === "in place" && hasKey ? "in place" : "anew",
    removed: columnChange.removed,
    rows: total,
    losses: columnChange.losses,
  });
  const change = { status: "all", because: "has other columns than before" } as const;
  // The published table is not even read: it may get its columns from another connection.
  if (columnChange.kind === "in place" && hasKey) {
    return { changes: { total, added: 0, changed: total, removed: 0 }, change };
  }

  // A column of another type is another column: its values cannot be told apart from the old ones.
  const isCommon = (name: string) => {
    const before = published.find((column) => column.name === name);
    return (
      before !== undefined &&
      before.type === target.columns.find((column) => column.name === name)?.type
    );
  };
  let counts = { added: total, changed: 0, removed: 0 };
  if (publication.key.every(isCommon)) {
    const common = { ...publication, columns: publication.columns.filter(isCommon) };
    const delta = await computeDelta(client, common, build.temporaryName("delta"));
    await logChanges(client, { runId: build.runId, model }, delta, table, told);
    counts = delta;
  }
  const { added, changed, removed } = counts;
  return { changes: { total, added, changed, removed }, change };
}
