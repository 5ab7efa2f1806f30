import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type ReadGuard, readGuards } from "../guardrail/read-guards.ts";
import { type Header, parseHeader } from "./header.ts";
import { headerLine, headerValue, positionAt } from "./position.ts";
import type { ModelProblem } from "./problem.ts";
import { relationNameProblem } from "./relation-name.ts";
import { loadSeeds, type Seed } from "./seed.ts";
import { parseSelect, type Reference } from "./select.ts";
import { loadSingularTests, type SingularTest } from "./singular-test.ts";
import type { Node } from "./syntax-tree.ts";
import { testProblems } from "./test-problems.ts";
import { loadUnitTests, type UnitTest } from "./unit-test.ts";

/** Where a model stands in the flow of data; what it may read follows from it. */
export type Stage = "staging" | "marts" | "views";

/** One SQL file: a relation, what it declares, what it reads. */
export type Model = {
  /** `schema.relation`, the name in every log line, error and page. */
  readonly name: string;
  readonly schema: string;
  readonly relation: string;
  readonly stage: Stage;
  readonly build: "table" | "view";
  /** Relative to the project, with slashes. */
  readonly file: string;
  /** The whole file. */
  readonly text: string;
  /** The file without a semicolon at the end: one SELECT. */
  readonly select: string;
  readonly header: Header;
  /** The guards of the header, with what they count read. */
  readonly guards: readonly ReadGuard[];
  readonly references: readonly Reference[];
  /** The SELECT as PostgreSQL's parser reads it, places in bytes; none when it does not parse. */
  readonly tree: Node | undefined;
};

/** Everything that models/ and views/ declare. */
export type Project = {
  readonly models: readonly Model[];
  readonly seeds: readonly Seed[];
  /** Tests that are files of their own. */
  readonly tests: readonly SingularTest[];
  /** Given rows and expected rows, beside the models they are about. */
  readonly unitTests: readonly UnitTest[];
  readonly problems: readonly ModelProblem[];
};

const stages = [
  { stage: "staging", folder: "models/staging", schema: "staging", build: "table" },
  { stage: "marts", folder: "models/marts", schema: "marts", build: "table" },
  { stage: "views", folder: "views", schema: "marts", build: "view" },
] as const;

/** Reads and parses every model and seed below a project's root. Problems are collected. */
export async function loadProject(root: string): Promise<Project> {
  const problems: ModelProblem[] = [];
  const models: Model[] = [];
  for (const place of stages) {
    for (const file of await sqlFiles(join(root, place.folder))) {
      const path = `${place.folder}/${file}`;
      // At once: a hundred small files take longer to wait for than to read.
      const text = readFileSync(join(root, path), "utf8");
      models.push(await readModel({ ...place, path, file, text }, problems));
    }
  }
  problems.push(...duplicateNames(models));
  const seeds = await loadSeeds(join(root, "models/seeds"), problems);
  problems.push(...testProblems(models, seeds));
  const tests = await loadSingularTests(root, problems);
  const unitTests = await loadUnitTests(root, models, problems);
  return { models, seeds, tests, unitTests, problems };
}

async function readModel(
  source: (typeof stages)[number] & {
    readonly path: string;
    readonly file: string;
    readonly text: string;
  },
  problems: ModelProblem[],
): Promise<Model> {
  const { path, text } = source;
  const relation = source.file.replace(/^.*\//, "").replace(/\.sql$/, "");
  const { header, problems: headerProblems } = parseHeader(text);
  for (const { line, column, message, hint } of headerProblems) {
    problems.push({ file: path, text, position: { offset: 0, line, column }, message, hint });
  }
  const parsed = await parseSelect(text);
  if (parsed.status === "invalid") {
    problems.push({ file: path, text, position: parsed.position, message: parsed.message });
  }
  const build = header.build ?? source.build;
  const misspelt = headerProblems.some(({ hint }) => hint?.includes("@key"));
  if (build === "table" && header.key.length === 0 && !misspelt) {
    problems.push({
      file: path,
      text,
      position: positionAt(text, 0),
      message: "a table needs a line `-- @key column, …`",
      hint:
        hiddenHeader(text) ?? "the key is what its rows are compared by when it is published again",
    });
  }
  if (build === "view" && header.pii.size > 0) {
    problems.push({
      file: path,
      text,
      position: headerLine(text, "pii", [...header.pii.keys()][0] ?? ""),
      message: "a view cannot have @pii: personal columns are masked where a table is published",
      hint: "make it a table (-- @build table, -- @key …), or leave the column out",
    });
  }
  const personalKey = header.key.find((name) => header.pii.has(name));
  if (personalKey !== undefined) {
    problems.push({
      file: path,
      text,
      position: headerLine(text, "pii", personalKey),
      message: `${personalKey} is part of the @key, so it cannot be @pii: keys are shown where rows fail a test and where they change, and two people may have one mask`,
      hint: "give the rows a key that tells nothing of the person, such as an id of the source",
    });
  }
  const badName = relationNameProblem(relation, path, text);
  if (badName !== undefined) problems.push(badName);
  const { schema } = source;
  const guarded = { file: path, text, schema, build, key: header.key };
  const guards = await readGuards(guarded, header.guards, problems);
  const { fresh } = header;
  if (fresh !== undefined && parsed.status === "parsed") {
    const readsLanding = parsed.references.some(({ schema }) => schema === "landing");
    if (!readsLanding) {
      problems.push({
        file: path,
        text,
        position: headerValue(text, fresh.line),
        message: "@fresh is about an object of the source, and this model reads none",
        hint: "it belongs into the staging model that reads the object",
      });
    }
  }
  return {
    name: `${source.schema}.${relation}`,
    schema: source.schema,
    relation,
    stage: source.stage,
    build,
    file: path,
    text,
    select: parsed.status === "parsed" ? text.slice(0, parsed.end) : text,
    header,
    guards,
    references: parsed.status === "parsed" ? parsed.references : [],
    tree: parsed.status === "parsed" ? parsed.tree : undefined,
  };
}

/** A header that stands where it is not looked for. */
function hiddenHeader(text: string): string | undefined {
  const line = text.split("\n").findIndex((one) => /^\s*(--|\/?\*)+\s*@key\b/.test(one));
  return line < 0
    ? undefined
    : `the @key in line ${line + 1} is not in the header: that is the lines at the very top, each with -- at its start`;
}

async function sqlFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  return entries
    .map((entry) => entry.replaceAll("\\", "/"))
    .filter((entry) => entry.endsWith(".sql"))
    .sort();
}

function duplicateNames(models: readonly Model[]): readonly ModelProblem[] {
  const first = new Map<string, Model>();
  const problems: ModelProblem[] = [];
  for (const model of models) {
    const other = first.get(model.name);
    if (other === undefined) first.set(model.name, model);
    else {
      problems.push({
        file: model.file,
        text: model.text,
        position: positionAt(model.text, 0),
        message: `${model.name} is already the name of ${other.file}`,
        hint: "rename one of the two files",
      });
    }
  }
  return problems;
}
