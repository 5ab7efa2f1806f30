import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { CsvError, parse } from "csv-parse/sync";
import type { ModelProblem } from "./problem.ts";

/** A mapping's file: its first line names the columns, an empty cell is null. */
export type Csv = {
  readonly text: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
};

/** The column that every mapping's table has besides those of its file. */
export const OWN_COLUMN = "origem";
const LONGEST_NAME = 63;

type CsvLine = { readonly record: readonly string[]; readonly line: number };

/**
 * Reads a csv file; undefined when it does not exist or cannot be read, and then the problems say
 * why, in the words of somebody who saved it from a spreadsheet.
 */
export async function readCsv(
  path: string,
  shownPath: string,
  problems: ModelProblem[],
): Promise<Csv | undefined> {
  const bytes = await readFile(path).catch(noSuchFile(undefined));
  if (bytes === undefined) return undefined;
  const text = bytes.toString("utf8");
  const problem = (line: number, message: string): undefined => {
    const position = { offset: 0, line, column: 1 };
    problems.push({ file: shownPath, text, position, message });
  };
  if (!isUtf8(bytes)) {
    return problem(1, "the file is not UTF-8: in the spreadsheet, save it as “CSV UTF-8”");
  }
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
  if (columns.length === 1 && columns[0]?.includes(";")) {
    return problem(1, "the cells are parted by semicolons: save the file with commas");
  }
  for (const [index, column] of columns.entries()) {
    const place = `column ${index + 1} of the first line`;
    if (column === "") problem(1, `${place} has no name`);
    else if (columns.indexOf(column) < index) problem(1, `${place}: there is already a ${column}`);
    else if (column === OWN_COLUMN) {
      problem(1, `${place}: ${column} is added by itself, and says whose file a row is from`);
    } else if (Buffer.byteLength(column) > LONGEST_NAME) {
      problem(1, `${place}: the name is longer than ${LONGEST_NAME} bytes`);
    }
  }
  for (const { record, line } of body) {
    if (record.length !== columns.length) {
      problem(line, `${record.length} cells where the first line names ${columns.length} columns`);
    }
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

function parseLines(text: string): readonly CsvLine[] {
  const lines: CsvLine[] = [];
  parse(text, {
    bom: true,
    trim: true,
    skip_empty_lines: true,
    relax_column_count: true,
    on_record: (record: readonly string[], context) => {
      lines.push({ record, line: context.lines });
      return null;
    },
  });
  return lines;
}

/** Answers for a file or folder that is not there; any other failure stays one. */
export function noSuchFile<T>(answer: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return answer;
    throw error;
  };
}
