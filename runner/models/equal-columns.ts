import {
  type Column,
  includes,
  isIn,
  type KeyList,
  type Pair,
  pairsOf,
  resolveAll,
  valueBehind,
} from "./column-origin.ts";
import { columnNames, type FromItem, type Join, type SelectQuery } from "./query-shape.ts";

export type Side = "left" | "right";

/** Of several columns, all that are not null are equal: whichever comes first is the key. */
export function isOneValue(
  item: FromItem,
  columns: readonly Column[],
  filter: readonly Pair[],
): boolean {
  const [first, ...others] = columns;
  if (first === undefined) return false;
  if (others.every((column) => includes([first], column))) return true;
  if (item.kind !== "join") return false;
  const inLeft = columns.filter((column) => isIn(item.left, column));
  const inRight = columns.filter((column) => isIn(item.right, column));
  const leftIsOne = () => isOneValue(item.left, inLeft, filterBelow(item, "left", filter));
  const rightIsOne = () => isOneValue(item.right, inRight, filterBelow(item, "right", filter));
  if (inRight.length === 0) return leftIsOne();
  if (inLeft.length === 0) return rightIsOne();
  if (item.type === "full") return leftIsOne() && rightIsOne() && isTied(item, inLeft, inRight);
  const [kept, rest] = item.type === "right" ? [inRight, inLeft] : [inLeft, inRight];
  const equal = equalColumns(item, kept, filter);
  const keptIsOne = item.type === "right" ? rightIsOne() : leftIsOne();
  return keptIsOne && rest.every((column) => includes(equal, column));
}

/** A condition of the join equates a column of each side that holds the key. */
function isTied(join: Join, inLeft: readonly Column[], inRight: readonly Column[]): boolean {
  const left = equalColumns(join.left, inLeft, []);
  const right = equalColumns(join.right, inRight, []);
  return pairsOf(join).some(
    ([a, b]) =>
      (includes(left, a) && includes(right, b)) || (includes(left, b) && includes(right, a)),
  );
}

/** Equalities that a side's rows must meet to leave a trace in the result of the join. */
export function filterBelow(join: Join, side: Side, filter: readonly Pair[]): readonly Pair[] {
  const within = (pairs: readonly Pair[]) =>
    pairs.filter((pair) => pair.every((column) => isIn(join[side], column)));
  if (join.type === "inner") return within([...filter, ...pairsOf(join)]);
  if (join.type === "full") return [];
  return join.type === side ? within(filter) : within([...filter, ...pairsOf(join)]);
}

/**
 * Columns that, in every row whose key column is not null, are null or equal to it. The key column
 * is the first of `columns` that is not null.
 */
export function equalColumns(
  item: FromItem,
  columns: readonly Column[],
  filter: readonly Pair[],
): readonly Column[] {
  const equal = columns.filter((column) => isIn(item, column));
  if (equal.length === 0 || item.kind !== "join") return equal;
  for (;;) {
    const known = equal.length;
    const add = (more: readonly Column[]): void => {
      for (const column of more) if (!includes(equal, column)) equal.push(column);
    };
    add(equalColumns(item.left, equal, filterBelow(item, "left", filter)));
    add(equalColumns(item.right, equal, filterBelow(item, "right", filter)));
    for (const [a, b] of filter) {
      if (includes(equal, a) && isIn(item, b)) add([b]);
      if (includes(equal, b) && isIn(item, a)) add([a]);
    }
    for (const [a, b] of item.type === "full" ? [] : pairsOf(item)) {
      if (includes(equal, a) && mayFollow(item, b)) add([b]);
      if (includes(equal, b) && mayFollow(item, a)) add([a]);
    }
    if (equal.length === known) return equal;
  }
}

/** A side that an outer join keeps has rows that its condition says nothing about. */
function mayFollow(join: Join, column: Column): boolean {
  return join.type === "inner" || !isIn(join[join.type === "left" ? "left" : "right"], column);
}

/** Columns that equal the key column in every row, also where it is null. */
function sameColumns(item: FromItem, column: Column, filter: readonly Pair[]): readonly Column[] {
  const same = [column];
  const pairs = [...filter, ...innerPairs(item)];
  for (;;) {
    const known = same.length;
    for (const [a, b] of pairs) {
      if (includes(same, a) && !includes(same, b)) same.push(b);
      if (includes(same, b) && !includes(same, a)) same.push(a);
    }
    if (same.length === known) return same;
  }
}

/** Conditions that every row of the result meets. */
function innerPairs(item: FromItem): readonly Pair[] {
  if (item.kind !== "join") return [];
  switch (item.type) {
    case "inner":
      return [...pairsOf(item), ...innerPairs(item.left), ...innerPairs(item.right)];
    case "left":
      return innerPairs(item.left);
    case "right":
      return innerPairs(item.right);
    case "full":
      return [];
  }
}

/** A list of GROUP BY, DISTINCT ON or PARTITION BY holds the key column itself. */
export function includesKey(
  query: SelectQuery,
  from: FromItem,
  items: readonly unknown[],
  columns: readonly Column[],
  filter: readonly Pair[],
  list: KeyList,
): boolean {
  const [only, second] = columns;
  const same = only !== undefined && second === undefined ? sameColumns(from, only, filter) : [];
  return items.some((item) => {
    const value = valueBehind(query, from, item, list);
    const written = columnNames(value)?.map((name) => resolveAll(from, name));
    if (written === undefined) return false;
    const found = written.flatMap((part) => part ?? []);
    if (written.some((part) => part === undefined)) return false;
    if (found.length === 1) return found.some((column) => includes(same, column));
    return found.length === columns.length && found.every((column) => includes(columns, column));
  });
}
