import { type SQLQuery, sql } from "../../extract/query.ts";
import { badParameter } from "../parameters.ts";
import type { Problem } from "../problem.ts";
import type { MartColumn } from "./catalogue.ts";
import { castValue, expectedText } from "./read-value.ts";

/** Which rows are asked for. Columns are the catalogue's, values are checked. */
export type Condition =
  | {
      readonly kind: "compare";
      readonly column: string;
      readonly operator: Operator;
      readonly value: SQLQuery;
    }
  | { readonly kind: "in"; readonly column: string; readonly values: readonly SQLQuery[] }
  | { readonly kind: "is"; readonly column: string; readonly what: SQLQuery }
  | { readonly kind: "not"; readonly of: Condition }
  | { readonly kind: "and" | "or"; readonly of: readonly Condition[] };

/** This program's own texts, so that they may stand in a statement as they are. */
const operators = {
  eq: "=",
  neq: "<>",
  gt: ">",
  gte: ">=",
  lt: "<",
  lte: "<=",
  like: "like",
  ilike: "ilike",
} as const;
type OperatorName = keyof typeof operators;
export type Operator = (typeof operators)[OperatorName];

const isWords: Readonly<Record<string, SQLQuery>> = {
  null: sql`null`,
  not_null: sql`not null`,
  true: sql`true`,
  false: sql`false`,
  unknown: sql`unknown`,
};

/** Operators that a column of a type knows, for people and for the OpenAPI document. */
export function operatorsOf(column: MartColumn): readonly string[] {
  const patterns = column.type.kind === "text" ? ["like", "ilike"] : [];
  return ["eq", "neq", "gt", "gte", "lt", "lte", ...patterns, "in", "is"];
}

/** More than anybody writes; each of them costs every row. */
const mostValues = 500;
const deepest = 8;

/**
 * Reads what stands behind `coluna=`: `eq.x`, `not.in.(a,b)`, `is.null`, …
 * @throws Problem 400 that names the column, what was found and what is allowed
 */
export function readFilter(column: MartColumn, text: string): Condition {
  const { negated, operator, rest } = splitFilter(text);
  const condition = conditionOf(column.name, column, operator, () => {
    if (operator !== "in") return [rest];
    const scan = { parameter: column.name, text: rest, place: 0 };
    const values = readList(scan);
    if (scan.place < rest.length) throw malformed(scan);
    return values;
  });
  return negated ? { kind: "not", of: condition } : condition;
}

/**
 * Reads what stands behind `or=` or `and=`: `(a.eq.1,and(b.gt.2,c.is.null))`. Values with commas,
 * parentheses or quotes stand in double quotes.
 * @throws Problem 400 that names the parameter, what was found and what is allowed
 */
export function readLogic(
  parameter: string,
  text: string,
  columns: ReadonlyMap<string, MartColumn>,
): Condition {
  const scan = { parameter, text, place: 0 };
  const kind = parameter.endsWith("or") ? "or" : "and";
  const group = readGroup(scan, kind, columns, 1);
  if (scan.place < text.length) throw malformed(scan);
  return parameter.startsWith("not.") ? { kind: "not", of: group } : group;
}

/** How many values a condition compares with. */
export function countValues(condition: Condition): number {
  switch (condition.kind) {
    case "compare":
    case "is":
      return 1;
    case "in":
      return condition.values.length;
    case "not":
      return countValues(condition.of);
    case "and":
    case "or":
      return condition.of.reduce((sum, each) => sum + countValues(each), 0);
  }
}

/** @throws Problem 400 when conditions compare with more values than allowed */
export function assertFewValues(conditions: readonly Condition[], parameter: string): void {
  const count = conditions.reduce((sum, each) => sum + countValues(each), 0);
  if (count <= mostValues) return;
  throw badParameter(
    parameter,
    `Os filtros comparam com ${count} valores; o máximo é ${mostValues}.`,
  );
}

function splitFilter(text: string): {
  readonly negated: boolean;
  readonly operator: string;
  readonly rest: string;
} {
  const negated = text.startsWith("not.");
  const filter = negated ? text.slice(4) : text;
  const dot = filter.indexOf(".");
  if (dot === -1) return { negated, operator: filter, rest: "" };
  return { negated, operator: filter.slice(0, dot), rest: filter.slice(dot + 1) };
}

function conditionOf(
  parameter: string,
  column: MartColumn,
  operator: string,
  read: () => readonly string[],
): Condition {
  const { name, type } = column;
  const allowed = operatorsOf(column);
  if (!allowed.includes(operator)) {
    throw badParameter(
      parameter,
      `O filtro da coluna "${name}" não começa com um operador que ela conhece: veio "${operator.slice(0, 60)}". Use ${allowed.join(", ")}, como em ${name}=eq.valor; not. na frente nega.`,
    );
  }
  const values = read();
  const [text = ""] = values;
  if (operator === "is") {
    const words = type.kind === "boolean" ? Object.keys(isWords) : ["null", "not_null"];
    const what = words.includes(text) ? isWords[text] : undefined;
    if (what !== undefined) return { kind: "is", column: name, what };
    throw badParameter(
      parameter,
      `is. aceita ${words.join(", ")} na coluna "${name}", e veio "${text.slice(0, 60)}".`,
    );
  }
  const checked = values.map((each) => {
    const value = castValue(type, each);
    if (value !== undefined) return value;
    throw badParameter(
      parameter,
      `A coluna "${name}" espera ${expectedText(type)}, e veio "${each.slice(0, 60)}".`,
    );
  });
  if (operator === "in") return { kind: "in", column: name, values: checked };
  const [value] = checked;
  if (operator === "like" || operator === "ilike") {
    // The star needs no percent-encoding in an address.
    const pattern = sql`${text.replaceAll("*", "%")}::text`;
    // PostgreSQL refuses it, with a text of its own.
    if (!/(^|[^\\])(\\\\)*\\$/.test(text)) {
      return { kind: "compare", column: name, operator: operators[operator], value: pattern };
    }
    throw badParameter(parameter, `O modelo da coluna "${name}" termina em uma barra invertida.`);
  }
  const [found] = Object.entries(operators).filter(([each]) => each === operator);
  if (value === undefined || found === undefined) throw new Error(`no operator ${operator}`);
  return { kind: "compare", column: name, operator: found[1], value };
}

/** A text that is read from left to right. */
type Scan = { readonly parameter: string; readonly text: string; place: number };

function readGroup(
  scan: Scan,
  kind: "and" | "or",
  columns: ReadonlyMap<string, MartColumn>,
  depth: number,
): Condition {
  if (depth > deepest) {
    throw badParameter(scan.parameter, `"${scan.parameter}" tem mais de ${deepest} níveis.`);
  }
  expectCharacter(scan, "(");
  const of: Condition[] = [];
  do of.push(readMember(scan, columns, depth));
  while (takeCharacter(scan, ","));
  expectCharacter(scan, ")");
  return { kind, of };
}

function readMember(
  scan: Scan,
  columns: ReadonlyMap<string, MartColumn>,
  depth: number,
): Condition {
  const [, not, kind] = /^(not\.)?(and|or)(?=\()/.exec(scan.text.slice(scan.place)) ?? [];
  if (kind === "and" || kind === "or") {
    scan.place += (not ?? "").length + kind.length;
    const group = readGroup(scan, kind, columns, depth + 1);
    return not === undefined ? group : { kind: "not", of: group };
  }
  const [head = "", name = "", negation, operator = ""] =
    /^([^.,()"]+)\.(not\.)?(\w+)\./.exec(scan.text.slice(scan.place)) ?? [];
  if (head === "") throw malformed(scan);
  const column = columns.get(name);
  if (column === undefined) {
    throw badParameter(scan.parameter, `Não há uma coluna "${name.slice(0, 60)}".`);
  }
  scan.place += head.length;
  const condition = conditionOf(scan.parameter, column, operator, () =>
    operator === "in" ? readList(scan) : [readWord(scan)],
  );
  return negation === undefined ? condition : { kind: "not", of: condition };
}

/** `(a,b,"c, d")` */
function readList(scan: Scan): readonly string[] {
  expectCharacter(scan, "(");
  const values: string[] = [];
  if (takeCharacter(scan, ")")) return values;
  do values.push(readWord(scan));
  while (takeCharacter(scan, ","));
  expectCharacter(scan, ")");
  return values;
}

/** A value up to the next comma or parenthesis, or in double quotes with backslashes inside. */
function readWord(scan: Scan): string {
  const rest = scan.text.slice(scan.place);
  const [quoted, inside] = /^"((?:[^"\\]|\\.)*)"/s.exec(rest) ?? [];
  if (quoted !== undefined && inside !== undefined) {
    scan.place += quoted.length;
    return inside.replace(/\\(.)/gs, "$1");
  }
  const [plain = ""] = /^[^,()"]*/.exec(rest) ?? [];
  scan.place += plain.length;
  return plain;
}

function takeCharacter(scan: Scan, character: string): boolean {
  if (scan.text[scan.place] !== character) return false;
  scan.place += 1;
  return true;
}

function expectCharacter(scan: Scan, character: string): void {
  if (!takeCharacter(scan, character)) throw malformed(scan);
}

function malformed({ parameter, text, place }: Scan): Problem {
  const found = text.slice(place, place + 30);
  return badParameter(
    parameter,
    `Não dá para ler o caractere ${place + 1} de "${parameter}": ${found === "" ? "o texto acaba ali" : `veio "${found}"`}. Escreva (valor,valor) para in e (coluna.operador.valor,coluna.operador.valor) para and e or; valores com vírgula, parêntese ou aspas vão entre aspas duplas.`,
  );
}
