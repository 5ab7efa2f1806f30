import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CsvError, parse } from "csv-parse/sync";
import type { ModelProblem } from "./problem.ts";

/** A mapping kept as csv: the shipped rows and, in a file of their own, the customer's. */
export type Seed = {
  readonly name: string;
  readonly relation: string;
  readonly columns: readonly string[];
  /** One value per column, null where the cell is empty; the last is `padrao` or `cliente`. */
  readonly rows: readonly (readonly (string | null)[])[];
};

/** Rows of a customer live here, so that an upgrade never overwrites them. */
const CUSTOMER_FOLDER = "clientes";

/** Reads `<name>.csv` and `clientes/<name>.csv`; the second may only have the same columns. */
export async function loadSeeds(folder: string, problems: ModelProblem[]): Promise<Seed[]> {
  const files = (await readdir(folder).catch(noSuchFile([]))).filter((file) =>
    file.endsWith(".csv"),
  );
  problems.push(...(await unknownCustomerFiles(folder, files)));
  const seeds: Seed[] = [];
  for (const file of files.sort()) {
    const shipped = await readCsv(join(folder, file), `models/seeds/${file}`, problems);
    if (shipped === undefined) continue;
    const customerPath = `models/seeds/${CUSTOMER_FOLDER}/${file}`;
    const customer = await readCsv(join(folder, CUSTOMER_FOLDER, file), customerPath, problems);
    if (customer !== undefined && customer.columns.join() !== shipped.columns.join()) {
      problems.push({
        file: customerPath,
        text: customer.text,
        position: { offset: 0, line: 1, column: 1 },
        message: `the columns are ${customer.columns.join(",")} where ${file} has ${shipped.columns.join(",")}`,
      });
      continue;
    }
    const relation = file.replace(/\.csv$/, "");
    seeds.push({
      name: `seeds.${relation}`,
      relation,
      columns: [...shipped.columns, "origem"],
      rows: [
        ...shipped.rows.map((row) => [...row, "padrao"]),
        ...(customer?.rows ?? []).map((row) => [...row, "cliente"]),
      ],
    });
  }
  return seeds;
}

/** A customer's file that no shipped one has the name of would change nothing, silently. */
async function unknownCustomerFiles(
  folder: string,
  known: readonly string[],
): Promise<readonly ModelProblem[]> {
  const files = await readdir(join(folder, CUSTOMER_FOLDER)).catch(noSuchFile([]));
  return files
    .filter((file) => file.endsWith(".csv") && !known.includes(file))
    .map((file) => ({
      file: `models/seeds/${CUSTOMER_FOLDER}/${file}`,
      text: "",
      position: { offset: 0, line: 1, column: 1 },
      message: `there is no mapping of that name; there are ${known.join(", ")}`,
    }));
}

/** Answers for a file or folder that is not there; any other failure stays one. */
function noSuchFile<T>(answer: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return answer;
    throw error;
  };
}

type Csv = {
  readonly text: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
};

type CsvLine = { readonly record: readonly string[]; readonly line: number };

function parseLines(text: string): readonly CsvLine[] {
  const lines: CsvLine[] = [];
  parse(text, {
    bom: true,
    trim: true,
    skip_empty_lines: true,
    on_record: (record: readonly string[], context) => {
      lines.push({ record, line: context.lines });
      return null;
    },
  });
  return lines;
}

async function readCsv(
  path: string,
  shownPath: string,
  problems: ModelProblem[],
): Promise<Csv | undefined> {
  const text = await readFile(path, "utf8").catch(noSuchFile(undefined));
  if (text === undefined) return undefined;
  const problem = (line: number, message: string): undefined => {
    const position = { offset: 0, line, column: 1 };
    problems.push({ file: shownPath, text, position, message });
  };
  let lines: readonly CsvLine[];
  try {
    lines = parseLines(text);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return problem(typeof error.lines === "number" ? error.lines : 1, error.message);
  }
  const [head, ...body] = lines;
  if (head === undefined) return problem(1, "the file is empty; its first line names the columns");
  const columns = head.record;
  for (const { record, line } of body) {
    for (const [index, column] of columns.entries()) {
      const value = record[index] ?? "";
      if (column.endsWith("_id") && !/^\d{0,18}$/.test(value)) {
        problem(line, `${column} is a number, found "${value}"`);
      }
    }
  }
  return {
    text,
    columns,
    rows: body.map(({ record }) => record.map((value) => (value === "" ? null : value))),
  };
}

/** Columns ending in `_id` are numbers, all others text. */
export function seedColumnType(column: string): "bigint" | "text" {
  return column.endsWith("_id") ? "bigint" : "text";
}
