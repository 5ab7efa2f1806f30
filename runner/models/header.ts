import { type Freshness, parseFreshness } from "../freshness/parse-freshness.ts";
import { type Guard, parseGuard } from "../guardrail/parse-guard.ts";
import { type ModelTest, parseTest } from "./model-test.ts";
import { didYouMean } from "./near-name.ts";

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
  /** Words that `--select tag:…` finds the model by. */
  readonly tags: readonly string[];
  /** How old what was read of the object may be that a staging model reads. */
  readonly fresh: Freshness | undefined;
  /** Numbers over the rows of a mart that may move only so far in one publication. */
  readonly guards: readonly Guard[];
};

/** A header line that cannot be read; `line` and `column` from 1. */
export type HeaderProblem = {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint?: string | undefined;
};

const keywords = [
  "build",
  "key",
  "index",
  "test",
  "warn",
  "pii",
  "column",
  "tag",
  "fresh",
  "guard",
] as const;

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
  const tags: string[] = [];
  const guards: Guard[] = [];
  const pii = new Map<string, MaskName>();
  const columns = new Map<string, string>();
  let build: Header["build"];
  let fresh: Freshness | undefined;

  for (const { line, content, keyword, value, keywordAt, valueAt } of headerLines(text)) {
    if (keyword === undefined) {
      if (content !== "") description.push(content);
      continue;
    }
    const problem = (message: string, hint?: string): void => {
      problems.push({ line, column: valueAt, message, hint });
    };
    switch (keyword) {
      case "build":
        if (build !== undefined) problem("@build stands here a second time");
        else if (value === "table" || value === "view") build = value;
        else problem(`@build is table or view, not "${value}"`, didYouMean(value, buildKinds));
        break;
      case "key":
        for (const name of listOf(value)) {
          if (key.includes(name)) problem(`${name} is already a column of the @key`);
          else key.push(name);
        }
        break;
      case "index":
        if (listOf(value).length === 0) problem("@index names the columns of an index");
        else indexes.push(listOf(value));
        break;
      case "tag":
        tags.push(...listOf(value));
        break;
      case "test":
      case "warn": {
        const test = parseTest(keyword === "test" ? "error" : "warn", value, line);
        if ("message" in test) problem(test.message, test.hint);
        else tests.push(test);
        break;
      }
      case "pii": {
        const [column = "", mask = ""] = value.split(/\s+/);
        const known = maskNames.find((name) => name === mask);
        if (known === undefined) {
          problem(
            `@pii names a column and its mask (${maskNames.join(", ")}), found "${value}"`,
            didYouMean(mask, maskNames),
          );
        } else pii.set(column, known);
        break;
      }
      case "column": {
        const [, column = "", comment = ""] = /^(\S+)\s+(.+)$/.exec(value) ?? [];
        if (comment === "") problem("@column names a column and what it means");
        else if (columns.has(column)) problem(`@column ${column} stands here a second time`);
        else columns.set(column, comment);
        break;
      }
      case "fresh": {
        const found = parseFreshness(value, line);
        if (fresh !== undefined) problem("@fresh stands here a second time");
        else if ("message" in found) {
          const { offset, message, hint } = found;
          problems.push({ line, column: valueAt + offset, message, hint });
        } else fresh = found;
        break;
      }
      case "guard": {
        const found = parseGuard(value, line);
        if ("message" in found) {
          const { offset, message, hint } = found;
          problems.push({ line, column: valueAt + offset, message, hint });
        } else if (guards.some(({ kpi }) => kpi === found.kpi)) {
          problem(`@guard ${found.kpi} stands here a second time`);
        } else guards.push(found);
        break;
      }
      default:
        problems.push({
          line,
          column: keywordAt,
          message: `@${keyword} is not known; there are ${keywords.map((name) => `@${name}`).join(", ")}`,
          hint: didYouMean(
            `@${keyword}`,
            keywords.map((name) => `@${name}`),
          ),
        });
    }
  }
  return {
    header: {
      description: description.join(" "),
      build,
      key,
      indexes,
      tests,
      pii,
      columns,
      tags,
      fresh,
      guards,
    },
    problems,
  };
}

const buildKinds = ["table", "view"];

type HeaderLine = {
  readonly line: number;
  readonly content: string;
  /** Undefined for a line of the description. */
  readonly keyword: string | undefined;
  readonly value: string;
  readonly keywordAt: number;
  readonly valueAt: number;
};

function headerLines(text: string): readonly HeaderLine[] {
  const lines = text.split("\n");
  const end = lines.findIndex((raw) => !raw.startsWith("--"));
  return lines.slice(0, end < 0 ? lines.length : end).map((raw, index) => {
    const line = index + 1;
    const content = raw.replace(/^--+\s?/, "").trim();
    const [, before = "", keyword, gap = "", value = ""] =
      /^(--+\s*)@(\S*)(\s*)(.*)$/.exec(raw.trimEnd()) ?? [];
    const keywordAt = before.length + 1;
    const valueAt = value === "" ? keywordAt : keywordAt + 1 + (keyword ?? "").length + gap.length;
    return { line, content, keyword, value, keywordAt, valueAt };
  });
}

function listOf(list: string): string[] {
  return list
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
