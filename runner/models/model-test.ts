/** A promise that a model's header makes about its rows. */
export type ModelTest = {
  /** `error` rolls the build back, `warn` is reported. */
  readonly severity: "error" | "warn";
  /** As written, e.g. `references(reserva_id, marts.reservas)`. */
  readonly label: string;
  /** Line of the header, from 1. */
  readonly line: number;
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

/** Reads `kind(arguments)`; a string is the reason why it cannot be read. */
export function parseTest(
  severity: ModelTest["severity"],
  label: string,
  line: number,
): ModelTest | string {
  const [, kind = "", inner = ""] = /^(\w+)\s*\((.*)\)$/s.exec(label) ?? [];
  const rule = parseRule(
    kind,
    inner.trim(),
    inner.split(",").map((part) => part.trim()),
  );
  return typeof rule === "string" ? rule : { severity, label, line, rule };
}

function parseRule(kind: string, inner: string, args: readonly string[]): TestRule | string {
  const [first = "", second = "", third] = args;
  const usage = (form: string): string => `write ${form}, found "${kind}(${inner})"`;
  switch (kind) {
    case "required":
      return first && args.length === 1 ? { kind, column: first } : usage("required(column)");
    case "unique":
      return first ? { kind, columns: args } : usage("unique(column, …)");
    case "accepted":
      return first && second
        ? { kind, column: first, values: args.slice(1) }
        : usage("accepted(column, value, …)");
    case "references":
      return first && /^\w+\.\w+$/.test(second) && args.length <= 3
        ? { kind, column: first, target: second, targetColumn: third ?? first }
        : usage("references(column, schema.table[, column])");
    case "check":
      return inner ? { kind, expression: inner } : usage("check(sql)");
    case "lossless":
      return first && second && args.length === 2
        ? { kind, column: first, jsonKey: second }
        : usage("lossless(column, json_key)");
    default:
      return `"${kind}" is not a test; there are required, unique, accepted, references, check, lossless`;
  }
}
