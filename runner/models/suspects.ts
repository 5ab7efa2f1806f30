import type { DatabaseError } from "pg";
import {
  clausesAround,
  closing,
  operandAfter,
  operandBefore,
  type Slice,
  type Token,
} from "./sql-tokens.ts";
import {
  isNode,
  leftmost,
  type Node,
  namesOf,
  nodesOf,
  only,
  stringOf,
  textOf,
  unwrap,
} from "./syntax-tree.ts";

/** An expression that may be what failed while a SELECT ran. */
export type Suspect = {
  /** Byte offset to point at. */
  readonly at: number;
  /** The value to try, as SQL. */
  readonly value: string;
  /** SQL over `$1` that fails when the value is bad. */
  readonly trial: string;
  /** What to put before and around it: `with … ` and the FROM and WHERE of its SELECT. */
  readonly before: string;
  readonly from: string;
  readonly where: string | undefined;
  /** Expressions of GROUP BY, when the value is an aggregate. */
  readonly group: string | undefined;
  readonly aliases: readonly string[];
};

type Block = { readonly select: Node; readonly before: string };

/**
 * The casts, divisions and readings of dates in a model's text that can have raised an error of
 * that kind, in the order of the text.
 */
export function suspectsOf(
  text: string,
  tree: Node,
  tokens: readonly Token[],
  error: Pick<DatabaseError, "code" | "message">,
): readonly Suspect[] {
  const bytes = Buffer.from(text);
  const slice = ({ from, to }: Slice) => bytes.subarray(from, to).toString("utf8");
  const wanted = wantedKind(error);
  return blocksOf(tree, tokens, slice).flatMap(({ select, before }) => {
    const inside = leftmost(select.targetList);
    const clauses = inside === undefined ? undefined : clausesAround(tokens, inside);
    if (clauses?.from === undefined) return [];
    const place = {
      before,
      from: slice(clauses.from),
      where: clauses.where === undefined ? undefined : slice(clauses.where),
      aliases: nodesOf(select.fromClause).flatMap(aliasesOf),
    };
    const group =
      clauses.group === undefined ? undefined : slice(clauses.group).replace(/^\s*by\b/i, "");
    const found: Suspect[] = [];
    expressionsOf(select, (kind, node) => {
      const suspect = readSuspect(kind, node, { tokens, slice, wanted });
      if (suspect === undefined || hasWindow(node)) return;
      const aggregate = hasAggregate(suspect.node);
      found.push({ ...place, ...suspect.parts, group: aggregate ? (group ?? "()") : undefined });
    });
    return found;
  });
}

type Wanted = { readonly kind: "cast" | "division"; readonly type: string | undefined };

function wantedKind({ code, message }: Pick<DatabaseError, "code" | "message">): Wanted {
  if (code === "22012") return { kind: "division", type: undefined };
  const type = /type ([a-z][a-z ]*[a-z])/.exec(message)?.[1];
  return { kind: "cast", type: type ?? (/^numeric field/.test(message) ? "numeric" : undefined) };
}

type Reading = {
  readonly tokens: readonly Token[];
  readonly slice: (slice: Slice) => string;
  readonly wanted: Wanted;
};

function readSuspect(
  kind: string,
  node: Node,
  { tokens, slice, wanted }: Reading,
): { readonly node: unknown; readonly parts: Pick<Suspect, "at" | "value" | "trial"> } | undefined {
  const location = typeof node.location === "number" ? node.location : undefined;
  const i = tokens.findIndex(({ start }) => start === location);
  if (i < 0) return undefined;
  const argument = leftmost(node.arg);
  if (kind === "TypeCast" && wanted.kind === "cast" && argument !== undefined) {
    const type = typeText(only({ TypeName: node.typeName }, "TypeName"));
    const isConstant = only(node.arg, "A_Const") !== undefined;
    if (type === undefined || isConstant || !mayBe(type, wanted.type)) return undefined;
    const operand = tokens[i]?.text === "::" ? operandBefore(tokens, i) : castOperand(tokens, i);
    const value = { from: Math.min(operand.from, argument), to: operand.to };
    return {
      node: node.arg,
      parts: { at: value.from, value: slice(value), trial: `($1)::${type}` },
    };
  }
  const operator = namesOf(node.name).at(-1);
  if (kind === "A_Expr" && wanted.kind === "division" && /^[/%]$/.test(operator ?? "")) {
    const value = operandAfter(tokens, i);
    return {
      node: node.rexpr,
      parts: { at: value.from, value: slice(value), trial: "1 / ($1)::numeric" },
    };
  }
  const call = namesOf(node.funcname).at(-1) ?? "";
  const [first, second] = nodesOf(node.args);
  const format = stringOf(second);
  if (kind === "FuncCall" && wanted.kind === "cast" && /^to_(date|timestamp|number)$/.test(call)) {
    const from = leftmost(first);
    const end = tokens[closing(tokens, i + 1)]?.start;
    const at = second === undefined ? undefined : leftmost(second);
    if (format === undefined || from === undefined || end === undefined || at === undefined) {
      return undefined;
    }
    const value = slice({ from, to: at }).replace(/\s*,\s*$/, "");
    const quoted = `'${format.replaceAll("'", "''")}'`;
    return { node: first, parts: { at: from, value, trial: `${call}($1::text, ${quoted})` } };
  }
  return undefined;
}

/** What stands in `cast(… as type)`. */
function castOperand(tokens: readonly Token[], i: number): Slice {
  const end = closing(tokens, i + 1);
  let as = end;
  for (let at = i + 2, depth = 0; at < end; at++) {
    const word = tokens[at]?.text ?? "";
    if (word === "(") depth++;
    if (word === ")") depth--;
    if (depth === 0 && word === "as") as = at;
  }
  return { from: tokens[i + 2]?.start ?? 0, to: tokens[as - 1]?.end ?? 0 };
}

const typeNames: Readonly<Record<string, string>> = {
  int2: "smallint",
  int4: "integer",
  int8: "bigint",
  float4: "real",
  float8: "double precision",
  bool: "boolean",
  timestamp: "timestamp without time zone",
  timestamptz: "timestamp with time zone",
  time: "time without time zone",
  timetz: "time with time zone",
};

function typeText(name: Node | undefined): string | undefined {
  const names = namesOf(name?.names).filter((part) => part !== "pg_catalog");
  if (names.length === 0) return undefined;
  const modifiers = nodesOf(name?.typmods).map((item) => {
    const value = only(item, "A_Const")?.ival;
    return isNode(value) ? String(value.ival ?? 0) : undefined;
  });
  const base = names.length === 1 ? (names[0] ?? "") : names.map((n) => `"${n}"`).join(".");
  const withModifiers =
    modifiers.length > 0 && modifiers.every((one) => one !== undefined) && base !== "interval"
      ? `${base}(${modifiers.join(", ")})`
      : base;
  return withModifiers + "[]".repeat(nodesOf(name?.arrayBounds).length);
}

/** The database names a type in full; a cast may have its short name. */
function mayBe(type: string, named: string | undefined): boolean {
  if (named === undefined) return true;
  const bare = type.replace(/[([].*$/, "");
  const full = typeNames[bare] ?? bare;
  return full === named || full.startsWith(`${named} `);
}

/** Every SELECT that stands by itself, with the CTEs that it may read written before it. */
function blocksOf(
  tree: Node,
  tokens: readonly Token[],
  slice: (slice: Slice) => string,
): readonly Block[] {
  const ctes = nodesOf(only({ With: tree.withClause }, "With")?.ctes).flatMap((item) => {
    const cte = only(item, "CommonTableExpr");
    return cte === undefined ? [] : [cte];
  });
  const blocks: Block[] = [];
  const start = tokens[0]?.start ?? 0;
  for (const [i, cte] of ctes.entries()) {
    const to = typeof cte.location === "number" ? cte.location : start;
    const before = i === 0 ? "" : slice({ from: start, to }).replace(/,\s*$/, "");
    const query = only(cte.ctequery, "SelectStmt");
    if (query !== undefined) blocks.push(...armsOf(query, before));
  }
  const last = ctes.at(-1);
  const open = tokens.findIndex(
    ({ text, start: at }) =>
      text === "(" && at > Number(last?.location ?? Number.POSITIVE_INFINITY),
  );
  const before =
    open < 0 ? "" : slice({ from: start, to: tokens[closing(tokens, open)]?.end ?? 0 });
  return [...blocks, ...armsOf({ ...tree, withClause: undefined }, before)];
}

/** The arms of a union, and the subqueries of FROM. */
function armsOf(select: Node, before: string): readonly Block[] {
  if (isNode(select.larg) && isNode(select.rarg)) {
    return [...armsOf(select.larg, before), ...armsOf(select.rarg, before)];
  }
  const inner: Block[] = [];
  const look = (item: Node): void => {
    const join = only(item, "JoinExpr");
    if (isNode(join?.larg)) look(join.larg);
    if (isNode(join?.rarg)) look(join.rarg);
    const query = only(only(item, "RangeSubselect")?.subquery, "SelectStmt");
    if (query !== undefined) inner.push(...armsOf(query, before));
  };
  nodesOf(select.fromClause).forEach(look);
  return select.withClause === undefined ? [...inner, { select, before }] : inner;
}

/** Expressions of a SELECT that are worked out on its own rows. */
function expressionsOf(select: Node, visit: (kind: string, node: Node) => void): void {
  const look = (value: unknown): void => {
    if (Array.isArray(value)) {
      value.forEach(look);
      return;
    }
    const { kind, node } = unwrap(value) ?? {};
    if (kind === undefined || node === undefined || kind === "SubLink") return;
    if (kind === "RangeSubselect" || kind === "WithClause") return;
    visit(kind, node);
    for (const child of Object.values(node)) look(child);
  };
  look(select.targetList);
  look(select.whereClause);
  look(select.fromClause);
  look(select.groupClause);
}

const aggregates = new Set([
  ...["count", "sum", "avg", "min", "max", "bool_and", "bool_or", "every", "string_agg"],
  ...["array_agg", "jsonb_agg", "json_agg", "stddev", "variance", "percentile_cont"],
]);

function hasAggregate(value: unknown): boolean {
  return contains(value, (kind, node) => {
    const name = namesOf(node.funcname).at(-1) ?? "";
    return kind === "FuncCall" && (node.agg_star === true || aggregates.has(name));
  });
}

function hasWindow(value: unknown): boolean {
  return contains({ value }, (kind, node) => kind === "FuncCall" && node.over !== undefined);
}

function contains(value: unknown, test: (kind: string, node: Node) => boolean): boolean {
  if (Array.isArray(value)) return value.some((item) => contains(item, test));
  if (!isNode(value)) return false;
  return Object.entries(value).some(
    ([name, child]) => (isNode(child) && test(name, child)) || contains(child, test),
  );
}

function aliasesOf(item: Node): readonly string[] {
  const { kind, node } = unwrap(item) ?? {};
  if (node === undefined) return [];
  if (kind === "JoinExpr") {
    return [node.larg, node.rarg].flatMap((side) => (isNode(side) ? aliasesOf(side) : []));
  }
  const alias = textOf(only({ Alias: node.alias }, "Alias"), "aliasname");
  const name = alias ?? textOf(node, "relname");
  return name === undefined ? [] : [name];
}
