import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ModelTest } from "./model-test.ts";
import { splitThreshold } from "./model-test.ts";
import { positionAt } from "./position.ts";
import type { ModelProblem } from "./problem.ts";
import { parseSelect, type Reference } from "./select.ts";
import type { Node } from "./syntax-tree.ts";

/** A test that is a file: a SELECT of the rows that should not be there. */
export type SingularTest = {
  /** The file's name without `.sql`. */
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly select: string;
  readonly tree: Node;
  readonly references: readonly Reference[];
  readonly description: string;
  readonly severity: ModelTest["severity"];
  readonly allowed: number;
};

/** Where these files are, relative to the project. */
export const SINGULAR_FOLDER = "models/tests";

/** Reads `models/tests/*.sql`. Problems are collected. */
export async function loadSingularTests(
  root: string,
  problems: ModelProblem[],
): Promise<readonly SingularTest[]> {
  const entries = await readdir(join(root, SINGULAR_FOLDER)).catch(() => []);
  const tests: SingularTest[] = [];
  for (const entry of entries.filter((name) => name.endsWith(".sql")).sort()) {
    const file = `${SINGULAR_FOLDER}/${entry}`;
    const text = readFileSync(join(root, file), "utf8");
    const { problems: headerProblems, ...header } = readHeader(file, text);
    problems.push(...headerProblems);
    const parsed = await parseSelect(text);
    if (parsed.status === "invalid") {
      problems.push({ file, text, position: parsed.position, message: parsed.message });
      continue;
    }
    const { tree, references, end } = parsed;
    const name = entry.replace(/\.sql$/, "");
    tests.push({ name, file, text, select: text.slice(0, end), tree, references, ...header });
  }
  return tests;
}

/** Description, `@test` or `@warn`, and how many rows it allows. */
function readHeader(
  file: string,
  text: string,
): Pick<SingularTest, "description" | "severity" | "allowed"> & {
  readonly problems: readonly ModelProblem[];
} {
  const description: string[] = [];
  const problems: ModelProblem[] = [];
  let [severity, allowed]: [ModelTest["severity"], number] = ["error", 0];
  let offset = 0;
  for (const line of text.split("\n")) {
    if (!line.startsWith("--")) break;
    const content = line.replace(/^--+\s?/, "").trim();
    const [, keyword, value = ""] = /^@(\S+)\s*(.*)$/.exec(content) ?? [];
    if (keyword === undefined) {
      if (content !== "") description.push(content);
    } else if (keyword === "test" || keyword === "warn") {
      severity = keyword === "test" ? "error" : "warn";
      const threshold = splitThreshold(`rows ${value}`);
      allowed = threshold.allowed;
      if (value !== "" && threshold.test !== "rows") {
        const position = positionAt(text, offset + line.indexOf(value));
        problems.push({
          file,
          text,
          position,
          message: `write @${keyword} > 10 rows, or only @${keyword}`,
        });
      }
    } else {
      const position = positionAt(text, offset + line.indexOf("@"));
      const message = `@${keyword} is not known; a test's file has @test and @warn`;
      problems.push({ file, text, position, message });
    }
    offset += line.length + 1;
  }
  return { description: description.join(" "), severity, allowed, problems };
}
