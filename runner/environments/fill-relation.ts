import { execute, query, type SQLQuery, sql } from "../../extract/query.ts";
import type { ModelResult } from "../events.ts";
import { protectRows } from "../models/access.ts";
import { type BuiltRows, computeRows } from "../models/compute-rows.ts";
import { quoted } from "../models/draft.ts";
import { ensureIndexes, finishNewTable, primaryKeyOf } from "../models/finish-table.ts";
import { assertKey } from "../models/key-test.ts";
import { columnExpressions, PII_SCHEMA, type Target, targetsOf } from "../models/masked-columns.ts";
import type { Model } from "../models/project.ts";
import { publishSeed, seedFingerprint } from "../models/publish-seed.ts";
import { commentRelation } from "../models/relation-record.ts";
import type { Seed } from "../models/seed.ts";
import { applyDelta, columnList, computeDelta, sizeOf } from "../models/table-delta.ts";
import { columnsOf, type RowChanges } from "../models/table-diff.ts";
import { dropTable } from "./drop-table.ts";
import { type EnvironmentBuild, openSchema } from "./environment-build.ts";
import { type EnvironmentRelation, writeRelation } from "./environment-relations.ts";
import { inputsNow, whyCompute } from "./what-changed.ts";

/** What building one relation of an environment did, before it is named and timed. */
type Built = Omit<ModelResult, "model" | "ms">;

/** Makes the environment's copy of a mapping hold the rows of its files. */
export async function fillSeed(build: EnvironmentBuild, seed: Seed): Promise<Built> {
  const { client, standing, runId } = build;
  const before = standing.get(seed.name);
  const fingerprint = seedFingerprint(seed);
  const total = seed.rows.length;
  if (before?.exists === true && before.fingerprint === fingerprint && !build.fullRefresh) {
    return { build: "seed", mode: "unchanged", changes: unchanged(total) };
  }
  build.touched.add(seed.name);
  const schema = await openSchema(build, "seeds");
  const present = (await columnsOf(client, quoted(schema, seed.relation))).map(({ name }) => name);
  // Another header makes another table; publishing would not say what stands on the old one.
  if (present.length > 0 && present.join() !== seed.columns.join()) {
    await dropTable(client, schema, seed.relation);
  }
  const changes = await publishSeed(client, seed, schema);
  const isChanged = changes.added + changes.removed > 0 || before?.exists !== true;
  await remember(build, {
    relation: seed.name,
    exists: true,
    fingerprint,
    rowsFingerprint: fingerprint,
    changedIn: isChanged ? String(runId) : before.changedIn,
    inputs: {},
    rows: total,
    day: build.day,
  });
  return { build: "seed", mode: "seed", changes };
}

/**
 * Brings a model's table in the environment up to date: computed whole, written by difference. A
 * view is a table there, too, so that nothing of an environment stands on what is published.
 * @throws ModelError when the text fails
 * @throws TestFailure when its key is not unique or has nulls
 * @throws ConfigError when its columns change and something stands on it
 */
export async function fillRelation(build: EnvironmentBuild, model: Model): Promise<Built> {
  const { client, standing, runId } = build;
  const before = standing.get(model.name);
  const { whole, rows: rowsFingerprint } = build.fingerprintOf(model);
  const inputs = inputsNow(build, model);
  const because = whyCompute(build, model, inputs);
  const now = { relation: model.name, exists: true, fingerprint: whole, rowsFingerprint, inputs };
  if (because !== undefined || before?.fingerprint !== whole) build.touched.add(model.name);
  if (because === undefined && before !== undefined) {
    if (before.fingerprint !== whole) await refreshDefinition(build, model);
    await remember(build, { ...before, ...now });
    return { build: model.build, mode: "unchanged", changes: unchanged(before.rows) };
  }
  const built = await computeRows(build, model, { how: "first" });
  const [main, clear] = targetsOf(model, built.columns);
  const changes = await fillTarget(build, model, built, main);
  if (clear !== undefined) await fillTarget(build, model, built, clear);
  else await dropClear(build, model);
  await execute(client, sql`drop table ${built.table}`);
  if (before !== undefined && before.fingerprint !== whole) await refreshDefinition(build, model);
  const isChanged =
    before?.exists !== true || changes.added + changes.changed + changes.removed > 0;
  await remember(build, {
    ...now,
    changedIn: isChanged ? String(runId) : before.changedIn,
    rows: changes.total,
    day: build.day,
  });
  const mode = before?.exists === true ? "whole" : "first";
  return { build: model.build, mode, changes, ...(mode === "whole" && because ? { because } : {}) };
}

function unchanged(total: number): RowChanges {
  return { total, added: 0, changed: 0, removed: 0 };
}

async function remember(build: EnvironmentBuild, state: EnvironmentRelation): Promise<void> {
  build.standing.set(state.relation, state);
  await writeRelation(build.client, build.environment.name, state);
}

async function fillTarget(
  build: EnvironmentBuild,
  model: Model,
  built: BuiltRows,
  target: Target,
): Promise<RowChanges> {
  const { client } = build;
  const { key } = model.header;
  const schema = await openSchema(build, target.schema);
  const name = quoted(schema, model.relation);
  const table = sql.ident(schema, model.relation);
  const source = sql`(select ${columnExpressions(target)} from ${built.table} as built)`;
  const present = await columnsOf(client, name);
  if (present.length > 0) {
    const hasColumns = JSON.stringify(present) === JSON.stringify(target.columns);
    const hasKey = (await primaryKeyOf(client, name)).join() === key.join();
    if (hasColumns && hasKey) {
      return key.length === 0
        ? replaceRows(build, { table, source, target })
        : applyDifference(build, model, { table, source, target, built });
    }
    await dropTable(client, schema, model.relation);
  }
  const total = await execute(
    client,
    sql`create table ${table} as select * from ${source} as rows`,
  );
  await finish(build, model, schema, target);
  return { total, added: total, changed: 0, removed: 0 };
}

type Writing = {
  readonly table: SQLQuery;
  readonly source: SQLQuery;
  readonly target: Target;
};

async function applyDifference(
  build: EnvironmentBuild,
  model: Model,
  { table, source, target, built }: Writing & { readonly built: BuiltRows },
): Promise<RowChanges> {
  const { client } = build;
  await assertKey(client, model, built.table);
  const columns = target.columns.map(({ name }) => name);
  const { key } = model.header;
  const publication = { target: table, source, present: table, columns, key };
  const delta = await computeDelta(client, publication, build.temporaryName("delta"));
  await applyDelta(client, publication, delta);
  if (sizeOf(delta) * 10 > built.count) await execute(client, sql`analyze ${table}`);
  const { added, changed, removed } = delta;
  return { total: built.count, added, changed, removed };
}

/** Rows without a key cannot be matched; the tables of views are small. */
async function replaceRows(
  { client }: EnvironmentBuild,
  { table, source, target }: Writing,
): Promise<RowChanges> {
  const removed = await execute(client, sql`delete from ${table}`);
  const columns = columnList(target.columns.map(({ name }) => name));
  const added = await execute(
    client,
    sql`insert into ${table} (${columns}) select * from ${source} as rows`,
  );
  await execute(client, sql`analyze ${table}`);
  return { total: added, added, changed: 0, removed };
}

/** As a published table has them: key, indexes, rows by account, comments. */
async function finish(
  { client }: EnvironmentBuild,
  model: Model,
  schema: string,
  { columns }: Target,
): Promise<void> {
  const asTable: Model = { ...model, build: "table" };
  if (model.header.key.length > 0) {
    await finishNewTable(client, asTable, schema, columns);
    return;
  }
  if (model.schema === "marts") await protectRows(client, schema, model.relation, columns);
  await commentRelation(client, asTable, schema, columns);
  await execute(client, sql`analyze ${sql.ident(schema, model.relation)}`);
}

/** A new header without other rows: comments and indexes are brought up to date in place. */
async function refreshDefinition(build: EnvironmentBuild, model: Model): Promise<void> {
  const { client } = build;
  const asTable: Model = { ...model, build: "table" };
  for (const published of [model.schema, PII_SCHEMA]) {
    if (published !== model.schema && model.header.pii.size === 0) continue;
    const schema = await openSchema(build, published);
    const columns = await columnsOf(client, quoted(schema, model.relation));
    if (columns.length === 0) continue;
    await commentRelation(client, asTable, schema, columns);
    await ensureIndexes(client, asTable, schema, columns);
  }
}

/** A model that masks nothing any more leaves no clear values behind. */
async function dropClear(build: EnvironmentBuild, model: Model): Promise<void> {
  const { client, environment, standing } = build;
  if (model.schema !== "marts" || standing.get(model.name) === undefined) return;
  const schema = `${environment.name}_${PII_SCHEMA}`;
  const [row] = await query<{ exists: boolean }>(
    client,
    sql`select to_regclass(${quoted(schema, model.relation)}) is not null as exists`,
  );
  if (row?.exists === true) await dropTable(client, schema, model.relation);
}
