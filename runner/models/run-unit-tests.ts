import { DatabaseError, type PoolClient } from "pg";
import { type Draft, quoted } from "./draft.ts";
import { didYouMean } from "./near-name.ts";
import { ModelError, type ModelProblem } from "./problem.ts";
import type { Model } from "./project.ts";
import { applyEdits, referenceEdits } from "./rename-references.ts";
import { explainFailure, withoutValues } from "./run-model.ts";
import { type Column, columnsOf } from "./table-diff.ts";
import { todayEdits } from "./today-edits.ts";
import type { Table, UnitTest } from "./unit-test.ts";
import { compareRows } from "./unit-test-rows.ts";

const ACTUAL = "elt_actual";
const EXPECTED = "elt_expected";

/**
 * Runs a model on the rows that a test gives, in tables of the draft's transaction that take the
 * place of what the model reads; nothing real is read. What is not given is empty.
 * @returns what differs, each at its cell in the test's file
 */
export async function runUnitTest(
  draft: Draft,
  model: Model,
  test: UnitTest,
): Promise<readonly ModelProblem[]> {
  const { client } = draft;
  await client.query("savepoint unit_test");
  try {
    const given = await createInputs(draft, model, test);
    if (given.length > 0) return given;
    const failed = await runOn(draft, model, test);
    if (failed.length > 0) return failed;
    const columns = await columnsOf(client, `pg_temp.${ACTUAL}`);
    const wrong = await fillTable(client, test, test.expected, {
      table: `pg_temp.${EXPECTED}`,
      create: (names) =>
        `create temporary table ${EXPECTED} as select null::integer as elt_line${names.map((name) => `, ${quoted(name)}`).join("")} from ${ACTUAL} limit 0`,
      columns,
      owner: model.name,
    });
    if (wrong.length > 0) return wrong;
    return await compareRows(client, model, test, { actual: ACTUAL, expected: EXPECTED });
  } finally {
    await client.query("rollback to savepoint unit_test; release savepoint unit_test");
  }
}

/** The schema that takes the place of another while a test runs. */
function givenSchema(draft: Draft, schema: string): string {
  return `${draft.schemaOf(schema)}_given`;
}

async function createInputs(
  draft: Draft,
  model: Model,
  test: UnitTest,
): Promise<readonly ModelProblem[]> {
  const { client } = draft;
  const relations = new Map(
    model.references.map((one) => [`${one.schema}.${one.relation}`, one] as const),
  );
  const schemas = new Set([...relations.values()].map(({ schema }) => schema ?? ""));
  const creations = [...schemas].map(
    (schema) => `create schema ${quoted(givenSchema(draft, schema))}`,
  );
  for (const { schema = "", relation } of relations.values()) {
    const like = quoted(draft.schemaOf(schema), relation);
    const table = quoted(givenSchema(draft, schema), relation);
    creations.push(`create table ${table} (like ${like})`);
  }
  await client.query(creations.join(";\n"));
  const problems: ModelProblem[] = [];
  for (const given of test.given) {
    const [schema = "", relation = ""] = given.relation.split(".");
    const name = `${quoted(givenSchema(draft, schema))}.${quoted(relation)}`;
    const columns = await columnsOf(client, name);
    if (schema === "landing") await fillLanding(client, given, name);
    else {
      const target = { table: name, columns, owner: given.relation };
      problems.push(...(await fillTable(client, test, given, target)));
    }
  }
  return problems;
}

type Target = {
  readonly table: string;
  /** Makes the table of the given columns first. */
  readonly create?: (names: readonly string[]) => string;
  readonly columns: readonly Column[];
  /** Whose columns they are, for messages. */
  readonly owner: string;
};

/** Puts the rows of a test's table into a real one, as texts cast to its types. */
async function fillTable(
  client: PoolClient,
  test: UnitTest,
  table: Table,
  { table: name, create, columns, owner }: Target,
): Promise<readonly ModelProblem[]> {
  const names = columns.map((column) => column.name);
  const unknown = table.columns.filter(({ value }) => !names.includes(value ?? ""));
  if (unknown.length > 0) {
    return unknown.map(({ value, position }) => ({
      ...at(test),
      position,
      message: `${owner} has no column ${value ?? "without a name"}`,
      hint: didYouMean(value ?? "", names),
    }));
  }
  const given = table.columns.map(({ value }) => value ?? "");
  if (create !== undefined) await client.query(create(given));
  const types = given.map((column) => columns.find((one) => one.name === column)?.type ?? "text");
  const lineColumn = create === undefined ? [] : ["elt_line"];
  const problems: ModelProblem[] = [];
  for (const row of table.rows) {
    const values = [
      ...(create === undefined ? [] : [row.line]),
      ...row.cells.map((cell) => cell.value),
    ];
    const typed = [...lineColumn.map(() => "integer"), ...types];
    const list = typed.map((type, i) => `$${i + 1}::text::${type}`).join(", ");
    const target = [...lineColumn, ...given].map((column) => quoted(column)).join(", ");
    await client.query("savepoint given_row");
    try {
      await client.query(`insert into ${name} (${target}) values (${list})`, values);
    } catch (error) {
      await client.query("rollback to savepoint given_row");
      if (!(error instanceof DatabaseError)) throw error;
      problems.push(await wrongCell(client, test, row.cells, types, error));
    }
  }
  return problems;
}

/** Which cell of a row is no value of its type: each is tried alone. */
async function wrongCell(
  client: PoolClient,
  test: UnitTest,
  cells: Table["rows"][number]["cells"],
  types: readonly string[],
  error: DatabaseError,
): Promise<ModelProblem> {
  for (const [i, cell] of cells.entries()) {
    await client.query("savepoint given_cell");
    try {
      await client.query(`select $1::text::${types[i] ?? "text"}`, [cell.value]);
    } catch {
      await client.query("rollback to savepoint given_cell");
      const message = `"${cell.value ?? ""}" is no ${types[i] ?? "text"}`;
      return { ...at(test), position: cell.position, message };
    }
  }
  const position = cells[0]?.position ?? { offset: 0, line: test.line, column: 1 };
  return { ...at(test), position, message: withoutValues(error) };
}

/** Columns that landing does not have are fields of the payload, texts as CVDW sends them. */
async function fillLanding(client: PoolClient, table: Table, name: string): Promise<void> {
  const own = new Set(["conta", "chave", "referencia_data"]);
  for (const [i, row] of table.rows.entries()) {
    const fields = row.cells.map(
      (cell, at) => [table.columns[at]?.value ?? "", cell.value] as const,
    );
    const column = new Map(fields.filter(([field]) => own.has(field)));
    const payload = Object.fromEntries(fields.filter(([field]) => !own.has(field)));
    const statement = `
      insert into ${name} (conta, chave, load_id, seq, referencia_data, hash, landed_at, payload)
      values ($1, $2, 1, $3, $4::text::timestamp, gen_random_uuid(), now(), $5)`;
    await client.query(statement, [
      column.get("conta") ?? "exemplo",
      column.get("chave") ?? String(i + 1),
      i + 1,
      column.get("referencia_data") ?? null,
      JSON.stringify(payload),
    ]);
  }
}

/** The model's own text over the given tables; a failure is told in the model's file. */
async function runOn(draft: Draft, model: Model, test: UnitTest): Promise<readonly ModelProblem[]> {
  const { client } = draft;
  const edits = [
    ...referenceEdits(model, ({ schema }) => givenSchema(draft, schema ?? "")),
    ...todayEdits(model, test.today),
  ];
  const { text } = applyEdits(model.select, edits);
  const before = `create temporary table ${ACTUAL} as\n`;
  await client.query("savepoint unit_run");
  try {
    await client.query(before + text);
    return [];
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    await client.query("rollback to savepoint unit_run");
    const known = await explainFailure(client, model, error, { text: "", before });
    const reason = known instanceof ModelError ? known.problems[0]?.message : undefined;
    return [
      {
        ...at(test),
        position: { offset: 0, line: test.line, column: 4 },
        message: `${model.name} fails on these rows: ${reason ?? withoutValues(error)}`,
      },
    ];
  }
}

function at({ file, text }: UnitTest): Pick<ModelProblem, "file" | "text"> {
  return { file, text };
}
