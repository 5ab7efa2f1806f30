import { type ModelTest, parseTest } from "./model-test.ts";

export const maskNames = ["nome", "documento", "email"] as const;
/** How a personal column is shown to those who may not see it. */
export type MaskName = (typeof maskNames)[number];

/** What the comment lines at the top of a model declare. */
export type Header = {
  readonly description: string;
  readonly build: "table" | "view" | undefined;
  readonly key: readonly string[];
  readonly indexes: readonly (readonly string[])[];
  readonly tests: readonly ModelTest[];
  /** Personal column → its mask. */
  readonly pii: ReadonlyMap<string, MaskName>;
  /** Column → comment. */
  readonly columns: ReadonlyMap<string, string>;
};

/** A header line that cannot be read; `line` from 1. */
export type HeaderProblem = { readonly line: number; readonly message: string };

/** Reads the leading `--` lines of a model. Collects every problem instead of stopping at one. */
export function parseHeader(text: string): {
  readonly header: Header;
  readonly problems: readonly HeaderProblem[];
} {
  const description: string[] = [];
  const problems: HeaderProblem[] = [];
  const key: string[] = [];
  const indexes: string[][] = [];
  const tests: ModelTest[] = [];
  const pii = new Map<string, MaskName>();
  const columns = new Map<string, string>();
  let build: Header["build"];

  for (const [index, raw] of text.split("\n").entries()) {
    if (!raw.startsWith("--")) break;
    const line = index + 1;
    const content = raw.replace(/^--+\s?/, "").trim();
    if (!content.startsWith("@")) {
      if (content !== "") description.push(content);
      continue;
    }
    const [, keyword = "", value = ""] = /^@(\S*)\s*(.*)$/.exec(content) ?? [];
    const problem = (message: string): void => {
      problems.push({ line, message });
    };
    switch (keyword) {
      case "build":
        if (value === "table" || value === "view") build = value;
        else problem(`@build is table or view, not "${value}"`);
        break;
      case "key":
        key.push(...names(value));
        break;
      case "index":
        indexes.push(names(value));
        break;
      case "test":
      case "warn": {
        const test = parseTest(keyword === "test" ? "error" : "warn", value, line);
        if (typeof test === "string") problem(test);
        else tests.push(test);
        break;
      }
      case "pii": {
        const [column = "", mask = ""] = value.split(/\s+/);
        const known = maskNames.find((name) => name === mask);
        if (known === undefined) {
          problem(`@pii names a column and its mask (${maskNames.join(", ")}), found "${value}"`);
        } else pii.set(column, known);
        break;
      }
      case "column": {
        const [, column = "", comment = ""] = /^(\S+)\s+(.+)$/.exec(value) ?? [];
        if (comment === "") problem("@column names a column and what it means");
        else columns.set(column, comment);
        break;
      }
      default:
        problem(
          `@${keyword} is not known; there are @build, @key, @index, @test, @warn, @pii, @column`,
        );
    }
  }
  return {
    header: { description: description.join(" "), build, key, indexes, tests, pii, columns },
    problems,
  };
}

function names(list: string): string[] {
  return list
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
