import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ModelProblem } from "./problem.ts";
import { noSuchFile, OWN_COLUMN, readCsv } from "./read-csv.ts";
import { relationNameProblem } from "./relation-name.ts";

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
    const relation = file.replace(/\.csv$/, "");
    const badName = relationNameProblem(relation, `models/seeds/${file}`, shipped.text);
    if (badName !== undefined) problems.push(badName);
    const customerPath = `models/seeds/${CUSTOMER_FOLDER}/${file}`;
    const customer = await readCsv(join(folder, CUSTOMER_FOLDER, file), customerPath, problems);
    if (customer !== undefined && customer.columns.join() !== shipped.columns.join()) {
      problems.push({
        file: customerPath,
        text: customer.text,
        position: { offset: 0, line: 1, column: 1 },
        message: `the first line names ${customer.columns.join(",")} where ${file} has ${shipped.columns.join(",")}`,
      });
    }
    seeds.push({
      name: `seeds.${relation}`,
      relation,
      columns: [...shipped.columns, OWN_COLUMN],
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

/** Columns ending in `_id` are numbers, all others text. */
export function seedColumnType(column: string): "bigint" | "text" {
  return column.endsWith("_id") ? "bigint" : "text";
}
