import {
  columnName,
  type Equality,
  type FromItem,
  type Grouping,
  type Join,
  type Leaf,
  type Occurrence,
  type OpaqueQuery,
  occurrencesOf,
  type Query,
  type SelectQuery,
  type Subquery,
  type Target,
} from "./query-shape.ts";
import {
  isNode,
  leftmost,
  type Node,
  namesOf,
  nodesOf,
  only,
  textOf,
  unwrap,
  walk,
} from "./syntax-tree.ts";

type Ctes = ReadonlyMap<string, { readonly query: Query; readonly renamed: readonly string[] }>;

/** Reads the parser's tree of a SELECT. */
export function readQuery(tree: Node): Query {
  return readSelect(tree, new Map());
}

function readSelect(node: Node, outer: Ctes): Query {
  const at = placeOf(node);
  const withClause = isNode(node.withClause) ? node.withClause : undefined;
  if (withClause?.recursive === true) return opaque("it is recursive", node, outer, at);
  const ctes = readCtes(withClause, outer);
  if (nodesOf(node.lockingClause).length > 0) return opaque("it locks rows", node, ctes, at);
  const limitAt =
    isNode(node.limitCount) || isNode(node.limitOffset)
      ? placeOf([node.limitCount, node.limitOffset], at)
      : undefined;
  if (node.op !== undefined && node.op !== "SETOP_NONE") {
    const { larg, rarg } = node;
    if (!isNode(larg) || !isNode(rarg)) return opaque("it cannot be read", node, ctes, at);
    return {
      kind: "set",
      left: readSelect(larg, ctes),
      right: readSelect(rarg, ctes),
      limitAt,
      at,
    };
  }
  const found: Found = { subqueries: [], expressions: [] };
  const items = nodesOf(node.fromClause).map((item) => readFrom(item, ctes, found));
  const from = items.reduce<FromItem | undefined>(
    (left, right) => (left === undefined ? right : crossJoin(left, right)),
    undefined,
  );
  const inRows = [node.targetList, node.whereClause, node.havingClause, node.groupClause];
  const rest = [node.distinctClause, node.sortClause, node.windowClause, node.valuesLists];
  return {
    kind: "select",
    from,
    targets: nodesOf(node.targetList).map(readTarget),
    equalities: equalitiesOf(node.whereClause),
    grouping: readGrouping(node),
    distinct: readDistinct(node),
    windows: readWindows(node),
    limitAt,
    subqueries: [...found.subqueries, ...subqueriesOf([...inRows, ...rest], ctes, "rows")],
    expressions: [
      nodesOf(node.targetList).filter((target) => readTarget(target).kind === "column"),
      ...inRows.slice(1),
      ...rest,
      ...found.expressions,
    ],
    at,
  };
}

/** Collected on the way through FROM: what stands in it besides relations. */
type Found = { readonly subqueries: Subquery[]; readonly expressions: unknown[] };

function readCtes(withClause: Node | undefined, outer: Ctes): Ctes {
  const ctes = new Map(outer);
  for (const item of nodesOf(withClause?.ctes)) {
    const cte = only(item, "CommonTableExpr");
    const select = only(cte?.ctequery, "SelectStmt");
    if (cte === undefined || select === undefined) continue;
    ctes.set(textOf(cte, "ctename") ?? "", {
      query: readSelect(select, ctes),
      renamed: namesOf(cte.aliascolnames),
    });
  }
  return ctes;
}

function readFrom(item: Node, ctes: Ctes, found: Found): FromItem {
  const { kind, node } = unwrap(item) ?? { kind: "", node: {} };
  const alias = isNode(node.alias) ? node.alias : undefined;
  const renamed = namesOf(alias?.colnames);
  const name = textOf(alias, "aliasname");
  switch (kind) {
    case "RangeVar":
      return readRangeVar(node, ctes, { name, renamed });
    case "RangeSubselect": {
      const select = only(node.subquery, "SelectStmt");
      if (select === undefined) break;
      found.expressions.push(select);
      return {
        kind: "query",
        alias: name ?? "",
        query: readSelect(select, ctes),
        renamed,
        lateral: node.lateral === true,
        at: placeOf(select),
      };
    }
    case "RangeFunction":
    case "RangeTableFunc":
    case "JsonTable":
      found.subqueries.push(...subqueriesOf([node], ctes, "join"));
      found.expressions.push(node);
      return { kind: "rows", alias: name ?? functionName(node) };
    case "JoinExpr":
      return readJoin(node, ctes, found);
  }
  return {
    kind: "opaque",
    alias: name ?? "",
    because: "it is read in a form that is not looked into",
    occurrences: occurrencesIn(item, ctes),
    at: placeOf(item),
  };
}

function readRangeVar(
  node: Node,
  ctes: Ctes,
  given: { readonly name: string | undefined; readonly renamed: readonly string[] },
): Leaf {
  const schema = textOf(node, "schemaname");
  const relation = textOf(node, "relname") ?? "";
  const alias = given.name ?? relation;
  const cte = schema === undefined ? ctes.get(relation) : undefined;
  const at = placeOf(node);
  if (cte !== undefined) {
    // Fewer names than columns leave the others as the CTE names them.
    const renamed = [...given.renamed, ...cte.renamed.slice(given.renamed.length)];
    return { kind: "query", alias, query: cte.query, renamed, lateral: false, at };
  }
  const occurrence = occurrenceOf(node);
  if (given.renamed.length > 0 || node.inh !== true) {
    const because = "its columns are renamed, or it is read with ONLY";
    return { kind: "opaque", alias, because, occurrences: [occurrence], at };
  }
  return { kind: "relation", alias, occurrence };
}

function occurrenceOf(node: Node): Occurrence {
  const schema = textOf(node, "schemaname");
  const relation = textOf(node, "relname") ?? "";
  return {
    relation: schema === undefined ? relation : `${schema}.${relation}`,
    at: typeof node.location === "number" ? node.location : 0,
    isNamed: isNode(node.alias),
  };
}

const joinTypes: Readonly<Record<string, Join["type"]>> = {
  JOIN_INNER: "inner",
  JOIN_LEFT: "left",
  JOIN_RIGHT: "right",
  JOIN_FULL: "full",
};

function readJoin(node: Node, ctes: Ctes, found: Found): FromItem {
  const type = joinTypes[textOf(node, "jointype") ?? ""];
  const { larg, rarg } = node;
  const at = placeOf([node.quals, rarg]);
  if (
    node.isNatural === true ||
    isNode(node.alias) ||
    isNode(node.join_using_alias) ||
    type === undefined ||
    !isNode(larg) ||
    !isNode(rarg)
  ) {
    const because = "it is in a natural join, or in a join with a name of its own";
    const alias = isNode(node.alias) ? (textOf(node.alias, "aliasname") ?? "") : "";
    return { kind: "opaque", alias, because, occurrences: occurrencesIn(node, ctes), at };
  }
  found.subqueries.push(...subqueriesOf([node.quals], ctes, "join"));
  found.expressions.push(node.quals);
  return {
    kind: "join",
    type,
    left: readFrom(larg, ctes, found),
    right: readFrom(rarg, ctes, found),
    equalities: equalitiesOf(node.quals),
    using: namesOf(node.usingClause),
    at,
  };
}

function crossJoin(left: FromItem, right: FromItem): Join {
  return {
    kind: "join",
    type: "inner",
    left,
    right,
    equalities: [],
    using: [],
    at: startOf(right),
  };
}

function startOf(item: FromItem): number {
  if (item.kind === "relation") return item.occurrence.at;
  return item.kind === "rows" ? 0 : item.at;
}

function functionName(node: Node): string {
  let name = "";
  walk(node.functions, (kind, call) => {
    if (kind === "FuncCall" && name === "") name = namesOf(call.funcname).at(-1) ?? "";
  });
  return name;
}

function readTarget(item: Node): Target {
  const target = only(item, "ResTarget");
  const column = only(target?.val, "ColumnRef");
  const isStar = nodesOf(column?.fields).some((field) => "A_Star" in field);
  if (column !== undefined && isStar) {
    return { kind: "star", alias: namesOf(column.fields).at(-1) };
  }
  return {
    kind: "column",
    name: textOf(target, "name") ?? plainName(target?.val),
    value: target?.val,
  };
}

function plainName(value: unknown): string | undefined {
  const cast = only(value, "TypeCast");
  return cast === undefined
    ? namesOf(only(value, "ColumnRef")?.fields).at(-1)
    : plainName(cast.arg);
}

function readGrouping(node: Node): Grouping {
  const items = nodesOf(node.groupClause);
  if (items.length === 0) return { kind: "none" };
  const at = placeOf(items);
  if (items.some((item) => "GroupingSet" in item)) return { kind: "sets", at };
  return { kind: "by", items, at };
}

function readDistinct(node: Node): SelectQuery["distinct"] {
  if (!Array.isArray(node.distinctClause)) return undefined;
  const items = nodesOf(node.distinctClause).filter((item) => Object.keys(item).length > 0);
  return items.length === 0 ? "all" : items;
}

/** PARTITION BY of every OVER, of a named window too; windows of subqueries are theirs. */
function readWindows(node: Node): SelectQuery["windows"] {
  const named = new Map<string, Node>();
  for (const item of nodesOf(node.windowClause)) {
    const window = only(item, "WindowDef");
    if (window !== undefined) named.set(textOf(window, "name") ?? "", window);
  }
  const windows: { partition: readonly unknown[]; at: number }[] = [];
  walkHere([node.targetList, node.sortClause, node.distinctClause], (kind, call) => {
    if (kind !== "FuncCall" || !isNode(call.over)) return;
    const seen = new Set<string>();
    let window: Node | undefined = call.over;
    let partition = nodesOf(window.partitionClause);
    while (window !== undefined && partition.length === 0) {
      const next: string = textOf(window, "refname") ?? textOf(window, "name") ?? "";
      if (seen.has(next)) break;
      seen.add(next);
      window = named.get(next);
      partition = nodesOf(window?.partitionClause);
    }
    windows.push({ partition, at: placeOf(call) });
  });
  return windows;
}

/** Column = column, as conditions that must all hold. */
function equalitiesOf(condition: unknown): readonly Equality[] {
  const all = only(condition, "BoolExpr");
  if (all !== undefined) {
    return all.boolop === "AND_EXPR" ? nodesOf(all.args).flatMap(equalitiesOf) : [];
  }
  const comparison = only(condition, "A_Expr");
  if (comparison?.kind !== "AEXPR_OP" || namesOf(comparison.name).join(".") !== "=") return [];
  const left = columnName(comparison.lexpr);
  const right = columnName(comparison.rexpr);
  return left === undefined || right === undefined ? [] : [[left, right]];
}

function subqueriesOf(
  values: readonly unknown[],
  ctes: Ctes,
  place: Subquery["place"],
): Subquery[] {
  const found: Subquery[] = [];
  walkHere(values, (kind, node) => {
    if (kind !== "SubLink") return;
    const select = only(node.subselect, "SelectStmt");
    if (select === undefined) return;
    found.push({ query: readSelect(select, ctes), place, at: placeOf(node) });
  });
  return found;
}

/** Walks expressions without going into queries below them. */
function walkHere(value: unknown, visit: (kind: string, node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walkHere(item, visit);
    return;
  }
  if (!isNode(value)) return;
  for (const [name, child] of Object.entries(value)) {
    if (name === "SelectStmt") continue;
    if (isNode(child) && /^[A-Z]/.test(name)) visit(name, child);
    walkHere(child, visit);
  }
}

function opaque(because: string, node: Node, ctes: Ctes, at: number): OpaqueQuery {
  return { kind: "opaque", because, occurrences: occurrencesIn(node, ctes), at };
}

/** Every relation below a node; names of CTEs stand for what these read. */
function occurrencesIn(value: unknown, ctes: Ctes): readonly Occurrence[] {
  const found: Occurrence[] = [];
  walk(value, (kind, node) => {
    if (kind !== "RangeVar") return;
    const schema = textOf(node, "schemaname");
    const relation = textOf(node, "relname") ?? "";
    const cte = schema === undefined ? ctes.get(relation) : undefined;
    if (cte !== undefined) found.push(...occurrencesOf(cte.query));
    else if (schema !== undefined) found.push(occurrenceOf(node));
  });
  return found;
}

function placeOf(value: unknown, otherwise = 0): number {
  return leftmost(value) ?? otherwise;
}
