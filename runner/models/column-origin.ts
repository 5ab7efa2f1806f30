import { leavesOf } from "./columns-read.ts";
import {
  type ColumnName,
  columnName,
  columnNames,
  type Equality,
  type FromItem,
  type Join,
  type Leaf,
  type Occurrence,
  type Query,
  type SelectQuery,
} from "./query-shape.ts";
import { isNode, leftmost, only } from "./syntax-tree.ts";

/** The key cannot be followed; `at` is the byte of the reason. */
export class UnprovenError extends Error {
  override readonly name = "UnprovenError";
  readonly at: number;
  /** Index of the key column that is computed, when that is the reason. */
  readonly computed: number | undefined;

  constructor(message: string, at: number, computed?: number) {
    super(message);
    this.at = at;
    this.computed = computed;
  }
}

/** A column of one relation of a FROM. */
export type Column = { readonly leaf: Leaf; readonly name: string };

export type Pair = readonly [Column, Column];

/** Columns as the query names them, where `as t (a, b)` gave new names. */
export function originalNames(
  leaf: Extract<Leaf, { kind: "query" }>,
  names: readonly string[],
): readonly string[] {
  if (leaf.renamed.length === 0) return names;
  return names.map((name) => {
    const position = leaf.renamed.indexOf(name);
    return position < 0 ? name : nameAt(leaf.query, position, name);
  });
}

/** Output of an expression that is not a column. */
const UNNAMED = "?column?";

/** The column of a relation that a column of FROM is a copy of. */
export function originOf({
  leaf,
  name,
}: Column): { occurrence: Occurrence; name: string } | undefined {
  if (leaf.kind === "relation") return { occurrence: leaf.occurrence, name };
  if (leaf.kind !== "query" || leaf.renamed.length > 0) return undefined;
  const { query } = leaf;
  if (query.kind !== "select" || query.from === undefined) return undefined;
  try {
    const [column, second] = columnsBehind(query, query.from, name, 0);
    return column === undefined || second !== undefined ? undefined : originOf(column);
  } catch (error) {
    if (!(error instanceof UnprovenError)) throw error;
    return undefined;
  }
}

/**
 * What an item of a list means. A number is the place of a target, but in PARTITION BY a constant. A
 * bare name is a column of FROM: in GROUP BY a target's where FROM has none, in DISTINCT ON a
 * target's first, in PARTITION BY never a target's.
 * @returns undefined when that cannot be told
 */
export function valueBehind(
  query: SelectQuery,
  from: FromItem,
  item: unknown,
  list: KeyList,
): unknown {
  if (list === "partition by") return item;
  const constant = only(item, "A_Const")?.ival;
  const position = isNode(constant) ? constant.ival : undefined;
  if (typeof position === "number") {
    const before = query.targets.slice(0, position);
    const target = before.at(-1);
    const counted = before.every(({ kind }) => kind === "column");
    return counted && target?.kind === "column" ? target.value : undefined;
  }
  const bare = columnName(item);
  if (bare === undefined || bare.alias !== undefined) return item;
  if (list === "group by" && resolveAll(from, bare) !== undefined) return item;
  const [target, other] = query.targets.filter(
    (one) => one.kind === "column" && one.name === bare.name,
  );
  // Two targets of one name are one only when PostgreSQL finds them equal.
  if (other !== undefined) return undefined;
  return target?.kind === "column" ? target.value : item;
}

/** Where items stand that put rows together. */
export type KeyList = "group by" | "distinct on" | "partition by";

/** The columns of FROM that an output column is a copy of. */
export function columnsBehind(
  query: SelectQuery,
  from: FromItem,
  name: string,
  index: number,
): readonly Column[] {
  const named = query.targets.filter((target) => target.kind === "column" && target.name === name);
  const [target] = named;
  if (target?.kind === "column") {
    const columns = columnNames(target.value)?.map((column) => resolveAll(from, column));
    const found = columns?.flatMap((part) => part ?? []) ?? [];
    if (columns === undefined || columns.some((part) => part === undefined)) {
      throw new UnprovenError(
        `the key column ${name} is computed, not a column of an input`,
        leftmost(target.value) ?? query.at,
        index,
      );
    }
    return found;
  }
  const merged = query.targets.some((one) => one.kind === "star" && one.alias === undefined)
    ? mergesName(from, name)
    : false;
  const columns = merged ? resolveAll(from, { alias: undefined, name }) : undefined;
  if (columns !== undefined) return columns;
  const stars = query.targets.flatMap((one) => (one.kind === "star" ? [one] : []));
  const leaves = stars.flatMap(({ alias }) =>
    leavesOf(from).filter((leaf) => alias === undefined || leaf.alias === alias),
  );
  const known = leaves.filter((leaf) => columnsOfLeaf(leaf)?.includes(name) ?? false);
  const [leaf, second] = known.length > 0 ? known : leaves;
  if (leaf === undefined || second !== undefined) {
    throw new UnprovenError(`it cannot be told where the key column ${name} comes from`, query.at);
  }
  return [{ leaf, name }];
}

/** Output columns of a relation of FROM; undefined when a star hides them. */
function columnsOfLeaf(leaf: Leaf): readonly string[] | undefined {
  if (leaf.kind !== "query") return undefined;
  return leaf.renamed.length > 0 ? undefined : outputColumns(leaf.query);
}

function outputColumns(query: Query): readonly string[] | undefined {
  if (query.kind === "set") return outputColumns(query.left);
  if (query.kind === "opaque") return undefined;
  const columns: string[] = [];
  for (const target of query.targets) {
    if (target.kind === "column") {
      columns.push(target.name ?? UNNAMED);
      continue;
    }
    const leaves = query.from === undefined ? [] : leavesOf(query.from);
    for (const leaf of leaves) {
      if (target.alias !== undefined && leaf.alias !== target.alias) continue;
      const inner = columnsOfLeaf(leaf);
      if (inner === undefined) return undefined;
      columns.push(...inner);
    }
  }
  return columns;
}

/** Where a column stands in the output of the first arm of a set operation. */
export function positionOf(query: Query, name: string): number {
  const position = outputColumns(query)?.indexOf(name) ?? -1;
  if (position < 0) {
    throw new UnprovenError(`the place of ${name} among the columns is hidden by a star`, query.at);
  }
  return position;
}

/** The column at that place in another arm, whatever its name. */
export function nameAt(query: Query, position: number, name: string): string {
  const columns = outputColumns(query);
  const found = columns?.[position];
  if (found === UNNAMED) {
    throw new UnprovenError(`the key column ${name} is computed in an arm of a union`, query.at);
  }
  if (found === undefined || columns?.indexOf(found) !== position) {
    throw new UnprovenError(`${name} cannot be found in every arm of the set operation`, query.at);
  }
  return found;
}

export function resolvedPairs(from: FromItem, equalities: readonly Equality[]): readonly Pair[] {
  return equalities.flatMap(([left, right]): Pair[] => {
    const a = resolve(from, left);
    const b = resolve(from, right);
    return a === undefined || b === undefined ? [] : [[a, b]];
  });
}

/** Equalities of a join's own condition. */
export function pairsOf(join: Join): readonly Pair[] {
  const pairs = [...resolvedPairs(join, join.equalities)];
  for (const name of join.using) {
    const left = resolve(join.left, { alias: undefined, name });
    const right = resolve(join.right, { alias: undefined, name });
    if (left !== undefined && right !== undefined) pairs.push([left, right]);
  }
  return pairs;
}

/** The one column that a name means; undefined when that cannot be told. */
export function resolve(from: FromItem, name: ColumnName): Column | undefined {
  const columns = resolveAll(from, name);
  return columns?.length === 1 ? columns[0] : undefined;
}

/** The columns that a name means: two where USING merged them in a full join. */
export function resolveAll(
  from: FromItem,
  { alias, name }: ColumnName,
): readonly Column[] | undefined {
  const leaves = leavesOf(from);
  if (alias !== undefined) {
    const [leaf, second] = leaves.filter((one) => one.alias === alias);
    return leaf === undefined || second !== undefined ? undefined : [{ leaf, name }];
  }
  if (from.kind === "join") {
    if (from.using.includes(name)) {
      const left = resolveAll(from.left, { alias, name });
      const right = resolveAll(from.right, { alias, name });
      if (left === undefined || right === undefined) return undefined;
      if (from.type === "full") return [...left, ...right];
      return from.type === "right" ? right : left;
    }
    const usedBelow = [from.left, from.right].filter((side) => mergesName(side, name));
    const [side] = usedBelow;
    if (side !== undefined && usedBelow.length === 1) return resolveAll(side, { alias, name });
    const known = leaves.filter((leaf) => columnsOfLeaf(leaf)?.includes(name) ?? false);
    const open = leaves.filter((leaf) => columnsOfLeaf(leaf) === undefined);
    const [leaf] = known;
    if (leaf !== undefined && known.length === 1 && open.length === 0) return [{ leaf, name }];
    return undefined;
  }
  const [leaf] = leaves;
  return leaf === undefined ? undefined : [{ leaf, name }];
}

export function mergesName(item: FromItem, name: string): boolean {
  if (item.kind !== "join") return false;
  return item.using.includes(name) || mergesName(item.left, name) || mergesName(item.right, name);
}

export function isIn(item: FromItem, { leaf }: Column): boolean {
  return leavesOf(item).includes(leaf);
}

export function includes(columns: readonly Column[], { leaf, name }: Column): boolean {
  return columns.some((column) => column.leaf === leaf && column.name === name);
}
