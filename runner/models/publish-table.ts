import type { PoolClient } from "pg";
import { execute, type SQLQuery, sql } from "../../extract/query.ts";
import { forgetGrants, protectRows } from "./access.ts";
import type { MaskName } from "./header.ts";
import { assertKey } from "./key-test.ts";
import { headerLine, startOfSelect } from "./position.ts";
import { ModelError } from "./problem.ts";
import type { Model } from "./project.ts";
import { commentRelation, isUnchanged, rememberText } from "./relation-record.ts";
import { runModel } from "./run-model.ts";
import { applyDiff, type Column, columnsOf, type RowChanges } from "./table-diff.ts";
import { withLockTimeout } from "./with-lock-timeout.ts";

/** Clear values of personal columns stand here, in a table of the same name. */
export const PII_SCHEMA = "marts_pii";
const NEW_ROWS = "elt_rows";

/** A table to publish: which columns of the built rows it has, and which of them are masked. */
type Target = {
  readonly schema: string;
  readonly columns: readonly Column[];
  readonly masks: ReadonlyMap<string, MaskName>;
};

/**
 * Builds a table model inside the run's transaction and publishes it by difference. A model with
 * personal columns fills two tables: masked in its own schema, clear in `marts_pii`.
 *
 * @throws ModelError when the text fails or its columns no longer fit the published table
 * @throws TestFailure when its key is not unique or has nulls
 */
export async function publishTable(client: PoolClient, model: Model): Promise<RowChanges> {
  const { header } = model;
  const published = await columnsOf(client, model.name);
  if (published.length === 0 && header.pii.size === 0) return createDirectly(client, model);

  await runModel(client, model, { before: `create temporary table ${NEW_ROWS} on commit drop as` });
  await execute(client, sql`analyze pg_temp.elt_rows`);
  const columns = await columnsOf(client, `pg_temp.${NEW_ROWS}`);
  assertHeaderColumns(model, columns);
  if (published.length > 0) await assertKey(client, model, sql`pg_temp.elt_rows`);
  const changes = await publishTarget(client, model, {
    schema: model.schema,
    columns: columns.map((column) =>
      header.pii.has(column.name) ? { ...column, type: "text" } : column,
    ),
    masks: header.pii,
  });
  if (header.pii.size > 0) {
    const isPersonal = ({ name }: Column) => header.key.includes(name) || header.pii.has(name);
    await publishTarget(client, model, {
      schema: PII_SCHEMA,
      columns: columns.filter(isPersonal),
      masks: new Map(),
    });
  }
  await execute(client, sql`drop table pg_temp.elt_rows`);
  await rememberText(client, model);
  return changes;
}

/** The first build of a model without personal columns fills its table without a detour. */
async function createDirectly(client: PoolClient, model: Model): Promise<RowChanges> {
  const target = `"${model.schema}"."${model.relation.replaceAll('"', '""')}"`;
  const total = await runModel(client, model, { before: `create table ${target} as` });
  const columns = await columnsOf(client, model.name);
  assertHeaderColumns(model, columns);
  await finishNewTable(client, model, model.schema, columns);
  await rememberText(client, model);
  return { total, added: total, changed: 0, removed: 0 };
}

async function publishTarget(
  client: PoolClient,
  model: Model,
  target: Target,
): Promise<RowChanges> {
  const name = `${target.schema}.${model.relation}`;
  const table = sql.ident(target.schema, model.relation);
  const source = sql`(select ${columnExpressions(target)} from pg_temp.elt_rows as built)`;
  let published = await columnsOf(client, name);
  if (published.length > 0) published = await fitColumns(client, model, target, published);
  if (published.length === 0) {
    const total = await execute(client, sql`create table ${table} as select * from ${source} as r`);
    await finishNewTable(client, model, target.schema, target.columns);
    return { total, added: total, changed: 0, removed: 0 };
  }
  const changes = await applyDiff(client, {
    target: table,
    source,
    columns: target.columns.map((column) => column.name),
    key: model.header.key,
  });
  if (!(await isUnchanged(client, model))) {
    await commentRelation(client, model, target.schema, target.columns);
  }
  return changes;
}

function columnExpressions({ columns, masks }: Target): SQLQuery {
  const expressions = columns.map(({ name }) => {
    const value = maskedValue(sql.ident("built", name), masks.get(name));
    return sql`${value} as ${sql.ident(name)}`;
  });
  return sql.join(expressions, ", ");
}

function maskedValue(column: SQLQuery, mask: MaskName | undefined): SQLQuery {
  switch (mask) {
    case "nome":
      return sql`elt.mask_nome(${column}::text)`;
    case "documento": {
      const salt = sql`(select value from elt.secrets where name = 'salt')`;
      return sql`elt.mask_documento(${column}::text, ${salt})`;
    }
    case "email":
      return sql`elt.mask_email(${column}::text)`;
    case undefined:
      return column;
  }
}

/**
 * Makes the published table's columns those of the model: added ones in place; a staging table,
 * which nobody outside reads, is dropped to be created again. A mart never loses a column silently.
 * @returns the published columns, empty when the table is gone
 */
async function fitColumns(
  client: PoolClient,
  model: Model,
  target: Target,
  published: readonly Column[],
): Promise<Column[]> {
  const wanted = target.columns;
  const isPrefix = published.every(
    (column, i) => column.name === wanted[i]?.name && column.type === wanted[i]?.type,
  );
  const table = sql.ident(target.schema, model.relation);
  if (isPrefix && published.length === wanted.length) return [...published];
  const name = `${target.schema}.${model.relation}`;
  if (isPrefix) {
    await withLockTimeout(client, name, async () => {
      for (const column of wanted.slice(published.length)) {
        const definition = sql`${sql.ident(column.name)} ${sql.__dangerous__rawValue(column.type)}`;
        await execute(client, sql`alter table ${table} add column ${definition}`);
      }
    });
    return [...wanted];
  }
  if (model.stage === "staging") {
    await withLockTimeout(client, name, async () => {
      await execute(client, sql`drop table ${table}`);
    });
    return [];
  }
  throw columnsChanged(model, published, wanted);
}

function columnsChanged(
  model: Model,
  published: readonly Column[],
  wanted: readonly Column[],
): ModelError {
  const index = published.findIndex(
    ({ name, type }, i) => name !== wanted[i]?.name || type !== wanted[i]?.type,
  );
  const show = (column: Column | undefined) =>
    column === undefined ? "nothing" : `${column.name} ${column.type}`;
  return new ModelError([
    {
      file: model.file,
      text: model.text,
      position: startOfSelect(model.text),
      message: `column ${index + 1} of ${model.name} is published as ${show(published[index])} and would become ${show(wanted[index])}`,
      hint: "reports are built on it: keep the published columns as they are and add new ones at the end",
    },
  ]);
}

async function finishNewTable(
  client: PoolClient,
  model: Model,
  schema: string,
  columns: readonly Column[],
): Promise<void> {
  const table = sql.ident(schema, model.relation);
  const list = (names: readonly string[]) =>
    sql.join(
      names.map((name) => sql.ident(name)),
      ", ",
    );
  await addPrimaryKey(client, model, table, list(model.header.key));
  for (const index of model.header.indexes) {
    if (index.every((name) => columns.some((column) => column.name === name))) {
      await execute(client, sql`create index on ${table} (${list(index)})`);
    }
  }
  await forgetGrants(client, model.name);
  await protectRows(client, schema, model.relation, columns);
  await commentRelation(client, model, schema, columns);
  await execute(client, sql`analyze ${table}`);
}

/** The index finds repeated keys by itself; the test that names them runs only when there are any. */
async function addPrimaryKey(
  client: PoolClient,
  model: Model,
  table: SQLQuery,
  key: SQLQuery,
): Promise<void> {
  await client.query("savepoint primary_key");
  try {
    await execute(client, sql`alter table ${table} add primary key (${key})`);
    await client.query("release savepoint primary_key");
  } catch (error) {
    await client.query("rollback to savepoint primary_key");
    await assertKey(client, model, table);
    throw error;
  }
}

/** Every column that the header names must be one of the SELECT. */
function assertHeaderColumns(model: Model, columns: readonly Column[]): void {
  const { header } = model;
  const named = [
    ...header.key.map((name) => ["key", name] as const),
    ...header.indexes.flat().map((name) => ["index", name] as const),
    ...[...header.pii.keys()].map((name) => ["pii", name] as const),
    ...[...header.columns.keys()].map((name) => ["column", name] as const),
  ];
  const problems = named
    .filter(([, name]) => !columns.some((column) => column.name === name))
    .map(([keyword, name]) => ({
      file: model.file,
      text: model.text,
      position: headerLine(model.text, keyword, name),
      message: `@${keyword} names ${name}, which the SELECT does not give`,
    }));
  if (problems.length > 0) throw new ModelError(problems);
}
