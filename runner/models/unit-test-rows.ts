import type { PoolClient } from "pg";
import { quoted } from "./draft.ts";
import type { ModelProblem } from "./problem.ts";
import type { Model } from "./project.ts";
import type { UnitTest } from "./unit-test.ts";

/** Rows as texts, in the order of the expected columns. */
type TextRow = { readonly line: number | null; readonly cells: readonly (string | null)[] };

/** More differences than this are one mistake, which the first ones show. */
const MOST_DIFFERENCES = 10;

/**
 * Compares what a model made with what its test expects, in the columns that the test names;
 * the order of rows does not count, how often one stands does.
 */
export async function compareRows(
  client: PoolClient,
  model: Model,
  test: UnitTest,
  tables: { readonly actual: string; readonly expected: string },
): Promise<readonly ModelProblem[]> {
  const columns = test.expected.columns.map(({ value }) => value ?? "");
  const missing = await rowsWithoutTwin(
    client,
    columns,
    tables.expected,
    tables.actual,
    "elt_line",
  );
  const extra = await rowsWithoutTwin(
    client,
    columns,
    tables.actual,
    tables.expected,
    "null::integer",
  );
  const unmatched = [...extra];
  const problems: ModelProblem[] = [];
  const isOnlyPair = missing.length === 1 && extra.length === 1;
  for (const row of missing) {
    const twin = unmatched.findIndex((other) => isOnlyPair || sameKey(model, columns, row, other));
    const [other] = twin < 0 ? [] : unmatched.splice(twin, 1);
    problems.push(
      ...(other === undefined ? [lost(test, row)] : differences(test, columns, row, other)),
    );
  }
  for (const row of unmatched) {
    problems.push({
      file: test.file,
      text: test.text,
      position: { offset: 0, line: test.expected.line, column: 1 },
      message: `${test.name}: a row that is not expected: ${described(columns, row)}`,
    });
  }
  return problems.slice(0, MOST_DIFFERENCES);
}

/** Rows of one table that the other lacks; equal rows are counted off against each other. */
async function rowsWithoutTwin(
  client: PoolClient,
  columns: readonly string[],
  table: string,
  other: string,
  line: string,
): Promise<readonly TextRow[]> {
  const list = columns.map((name) => quoted(name)).join(", ");
  const numbered = (relation: string) =>
    `(select *, row_number() over (partition by ${list}) as elt_n from pg_temp.${relation})`;
  const same = columns
    .map((name) => `theirs.${quoted(name)} is not distinct from ours.${quoted(name)}`)
    .join(" and ");
  const { rows } = await client.query<TextRow>(
    `select ${line} as line, array[${columns.map((name) => `${quoted(name)}::text`).join(", ")}] as cells
     from ${numbered(table)} as ours
     where not exists (
       select from ${numbered(other)} as theirs where theirs.elt_n = ours.elt_n and ${same}
     )
     order by 1, 2`,
  );
  return rows;
}

/** The same record, as far as the test names the model's key; without one, the first columns. */
function sameKey(model: Model, columns: readonly string[], row: TextRow, other: TextRow): boolean {
  const key = model.header.key.filter((name) => columns.includes(name));
  const names = key.length > 0 ? key : columns.slice(0, 1);
  return names.every((name) => {
    const i = columns.indexOf(name);
    return row.cells[i] === other.cells[i];
  });
}

function differences(
  test: UnitTest,
  columns: readonly string[],
  expected: TextRow,
  actual: TextRow,
): readonly ModelProblem[] {
  const written = test.expected.rows.find(({ line }) => line === expected.line);
  return columns.flatMap((name, i) => {
    if (expected.cells[i] === actual.cells[i]) return [];
    return [
      {
        file: test.file,
        text: test.text,
        position: written?.cells[i]?.position ?? { offset: 0, line: test.line, column: 1 },
        message: `${test.name}: ${name} is ${shown(actual.cells[i])}, expected ${shown(expected.cells[i])}`,
      },
    ];
  });
}

function lost(test: UnitTest, row: TextRow): ModelProblem {
  const written = test.expected.rows.find(({ line }) => line === row.line);
  return {
    file: test.file,
    text: test.text,
    position: written?.cells[0]?.position ?? { offset: 0, line: test.line, column: 1 },
    message: `${test.name}: the model gives no such row`,
  };
}

function described(columns: readonly string[], { cells }: TextRow): string {
  return columns.map((name, i) => `${name} ${shown(cells[i])}`).join(", ");
}

function shown(value: string | null | undefined): string {
  return value === null || value === undefined ? "empty" : value === "" ? "''" : value;
}
