import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { didYouMean } from "./near-name.ts";
import { type Position, positionAt } from "./position.ts";
import type { ModelProblem } from "./problem.ts";
import type { Model } from "./project.ts";

/** Given rows, and the rows that a model must make of them. */
export type UnitTest = {
  readonly model: string;
  /** Its heading. */
  readonly name: string;
  readonly file: string;
  /** Text of the file, for excerpts. */
  readonly text: string;
  readonly line: number;
  /** What `elt.hoje()` is: YYYY-MM-DD; undefined for the real day. */
  readonly today: string | undefined;
  readonly given: readonly GivenTable[];
  readonly expected: Table;
};

export type GivenTable = Table & { readonly relation: string };

/** A table of the file; `line` is where it is announced. */
export type Table = {
  readonly line: number;
  readonly columns: readonly Cell[];
  readonly rows: readonly Row[];
};

export type Row = { readonly line: number; readonly cells: readonly Cell[] };

/** A cell's text, null when it is empty, and where it stands. */
export type Cell = { readonly value: string | null; readonly position: Position };

/** The file beside `models/marts/vendas.sql` that tests it. */
export function unitTestFile(model: Pick<Model, "file">): string {
  return model.file.replace(/\.sql$/, ".test.md");
}

/** Reads the tests that stand beside models. Problems are collected. */
export async function loadUnitTests(
  root: string,
  models: readonly Model[],
  problems: ModelProblem[],
): Promise<readonly UnitTest[]> {
  const tests: UnitTest[] = [];
  for (const model of models) {
    const file = unitTestFile(model);
    if (!existsSync(join(root, file))) continue;
    const text = readFileSync(join(root, file), "utf8");
    const known = problems.length;
    const found = parseUnitTests(model, file, text, problems);
    if (found.length === 0 && problems.length === known && text.trim() !== "") {
      const message = "there is no test in this file";
      const hint =
        "a test is a heading `## what it shows`, then given and expect with a table each";
      problems.push({ file, text, position: positionAt(text, 0), message, hint });
    }
    tests.push(...found);
  }
  problems.push(...(await testsOfNoModel(root, models)));
  return tests;
}

/** A renamed model leaves its tests behind, and they would never run again. */
async function testsOfNoModel(
  root: string,
  models: readonly Model[],
): Promise<readonly ModelProblem[]> {
  const known = models.map(unitTestFile);
  const problems: ModelProblem[] = [];
  for (const folder of ["models/staging", "models/marts", "views"]) {
    const entries = await readdir(join(root, folder), { recursive: true }).catch(() => []);
    for (const entry of entries) {
      const file = `${folder}/${entry.replaceAll("\\", "/")}`;
      if (!file.endsWith(".test.md") || known.includes(file)) continue;
      const text = readFileSync(join(root, file), "utf8");
      const message = "there is no model of this file's name";
      problems.push({
        file,
        text,
        position: positionAt(text, 0),
        message,
        hint: didYouMean(file, known),
      });
    }
  }
  return problems;
}

type Draft = {
  readonly name: string;
  readonly line: number;
  today: string | undefined;
  readonly given: GivenTable[];
  expected: Table | undefined;
};

/**
 * A heading `## name` begins a test; `today 2026-03-15`, `given schema.relation` and `expect` stand
 * on lines of their own, the last two with a table below. All other text is for people.
 */
export function parseUnitTests(
  model: Pick<Model, "name" | "references">,
  file: string,
  text: string,
  problems: ModelProblem[],
): readonly UnitTest[] {
  const lines = text.split("\n");
  const drafts: Draft[] = [];
  const problem = (line: number, column: number, message: string, hint?: string): void => {
    problems.push({ file, text, position: { offset: 0, line, column }, message, hint });
  };
  const reads = model.references.map(({ schema, relation }) => `${schema}.${relation}`);
  for (const [index, raw] of lines.entries()) {
    const line = index + 1;
    const heading = /^##\s+(.*\S)\s*$/.exec(raw)?.[1];
    if (heading !== undefined) {
      if (drafts.some(({ name }) => name === heading))
        problem(line, 4, "a test of this name stands above");
      drafts.push({ name: heading, line, today: undefined, given: [], expected: undefined });
      continue;
    }
    const [, word, rest = ""] = /^(given|expect|today)\b:?\s*([^:]*?):?\s*$/.exec(raw) ?? [];
    if (word === undefined) continue;
    const test = drafts.at(-1);
    if (test === undefined) {
      problem(line, 1, "a test begins with a heading: ## what it shows");
      continue;
    }
    if (word === "today") {
      if (/^\d{4}-\d{2}-\d{2}$/.test(rest)) test.today = rest;
      else problem(line, 1, `write today 2026-03-15, found "${rest}"`);
      continue;
    }
    const table = readTable(lines, index + 1, line);
    if (table === undefined) {
      problem(line, 1, `below ${word} stands a table: | column | column |`);
      continue;
    }
    for (const row of table.rows) {
      if (row.cells.length !== table.columns.length) {
        problem(
          row.line,
          1,
          `${row.cells.length} cells where the table has ${table.columns.length} columns`,
        );
      }
    }
    if (word === "expect") {
      if (test.expected !== undefined) problem(line, 1, "this test already has an expect");
      test.expected = table;
    } else if (!reads.includes(rest)) {
      problem(
        line,
        7,
        `${model.name} does not read ${rest || "anything without a name"}`,
        didYouMean(rest, reads),
      );
    } else if (test.given.some(({ relation }) => relation === rest)) {
      problem(line, 7, `${rest} is already given`);
    } else test.given.push({ ...table, relation: rest });
  }
  return drafts.flatMap(({ expected, ...draft }) => {
    if (expected !== undefined) return [{ ...draft, expected, model: model.name, file, text }];
    problem(draft.line, 1, "this test expects nothing: add expect and a table");
    return [];
  });
}

function readTable(lines: readonly string[], from: number, announced: number): Table | undefined {
  let at = from;
  while (lines[at]?.trim() === "") at++;
  const rows: Row[] = [];
  for (; lines[at]?.trimStart().startsWith("|"); at++) {
    const content = lines[at] ?? "";
    if (/^[\s|:-]+$/.test(content) && rows.length === 1) continue;
    rows.push({ line: at + 1, cells: readCells(content, at + 1) });
  }
  const [head, ...body] = rows;
  return head === undefined ? undefined : { line: announced, columns: head.cells, rows: body };
}

/** `| a | b |`; an empty cell is null, `''` is a text without letters, `\|` is a bar. */
function readCells(content: string, line: number): readonly Cell[] {
  const inner = content.trimEnd().replace(/\|$/, "");
  const start = inner.indexOf("|") + 1;
  const cells: Cell[] = [];
  let column = start;
  for (const piece of inner.slice(start).split(/(?<!\\)\|/)) {
    const shown = piece.trim();
    const indent = shown === "" ? 1 : piece.length - piece.trimStart().length;
    const position = { offset: 0, line, column: [...inner.slice(0, column)].length + indent + 1 };
    const value = shown === "" ? null : shown === "''" ? "" : shown.replaceAll("\\|", "|");
    cells.push({ value, position });
    column += piece.length + 1;
  }
  return cells;
}
