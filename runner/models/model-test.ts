import { didYouMean } from "./near-name.ts";

/** A promise that a model's header makes about its rows. */
export type ModelTest = {
  /** `error` rolls the build back, `warn` is reported. */
  readonly severity: "error" | "warn";
  /** As written, e.g. `references(reserva_id, marts.reservas)`. */
  readonly label: string;
  /** Line of the header, from 1. */
  readonly line: number;
  /** How many rows may fail before the test does. */
  readonly allowed: number;
  readonly rule: TestRule;
};

export type TestRule =
  | { readonly kind: "required"; readonly column: string }
  | { readonly kind: "unique"; readonly columns: readonly string[] }
  | { readonly kind: "accepted"; readonly column: string; readonly values: readonly string[] }
  | {
      readonly kind: "references";
      readonly column: string;
      readonly target: string;
      readonly targetColumn: string;
    }
  | { readonly kind: "check"; readonly expression: string }
  | { readonly kind: "lossless"; readonly column: string; readonly jsonKey: string };

const kinds = ["required", "unique", "accepted", "references", "check", "lossless"] as const;

/** What a test header cannot say, and what was probably meant. */
export type TestProblem = { readonly message: string; readonly hint?: string | undefined };

/** Reads `kind(arguments)`, and `> N rows` after it. */
export function parseTest(
  severity: ModelTest["severity"],
  label: string,
  line: number,
): ModelTest | TestProblem {
  const { test, allowed } = splitThreshold(label);
  const [, kind = "", inner, rest = ""] = /^(\w+)\s*\((.*)\)\s*([^)]*)$/s.exec(test) ?? [];
  if (rest !== "") {
    return { message: `"${rest}" after the test is not understood: write "> 10 rows"` };
  }
  if (inner === undefined) {
    const word = /^\w*/.exec(test)?.[0] ?? "";
    const known = kinds.find((name) => name === word);
    return known === undefined ? unknownKind(word) : { message: `write ${usages[known]}` };
  }
  const rule = parseRule(
    kind,
    inner.trim(),
    inner.split(",").map((part) => part.trim()),
  );
  return "message" in rule ? rule : { severity, label, line, allowed, rule };
}

/** Columns of the model that a rule names. */
export function columnsOfRule(rule: TestRule): readonly string[] {
  switch (rule.kind) {
    case "unique":
      return rule.columns;
    case "check":
      return [];
    default:
      return [rule.column];
  }
}

/** `unique(x) > 10 rows`: what stands before, and how many rows may fail. */
export function splitThreshold(label: string): { readonly test: string; readonly allowed: number } {
  const [, test, rows] = /^(.*?)\s*>\s*(\d{1,15})\s+rows?$/s.exec(label) ?? [];
  return { test: test ?? label, allowed: Number(rows ?? 0) };
}

const usages: { readonly [kind in (typeof kinds)[number]]: string } = {
  required: "required(column)",
  unique: "unique(column, …)",
  accepted: "accepted(column, value, …)",
  references: "references(column, schema.table[, column])",
  check: "check(sql)",
  lossless: "lossless(column, json_key)",
};

function unknownKind(kind: string): TestProblem {
  return {
    message: `"${kind}" is not a test; there are ${kinds.join(", ")}`,
    hint: didYouMean(kind, kinds),
  };
}

/** Values stand as they are; who writes them as SQL does means the same. */
function unquoted(value: string): string {
  return /^'(?:[^']|'')*'$/.test(value) ? value.slice(1, -1).replaceAll("''", "'") : value;
}

function parseRule(kind: string, inner: string, args: readonly string[]): TestRule | TestProblem {
  const [first = "", second = "", third] = args;
  const known = kinds.find((name) => name === kind);
  if (known === undefined) return unknownKind(kind);
  const usage = { message: `write ${usages[known]}, found "${kind}(${inner})"` };
  switch (known) {
    case "required":
      return first && args.length === 1 ? { kind: known, column: first } : usage;
    case "unique":
      return first ? { kind: known, columns: args } : usage;
    case "accepted":
      return first && second
        ? { kind: known, column: first, values: args.slice(1).map(unquoted) }
        : usage;
    case "references":
      return first && /^\w+\.\w+$/.test(second) && args.length <= 3
        ? { kind: known, column: first, target: second, targetColumn: third ?? first }
        : usage;
    case "check":
      return inner ? { kind: known, expression: inner } : usage;
    case "lossless":
      return first && second && args.length === 2
        ? { kind: known, column: first, jsonKey: second }
        : usage;
  }
}
