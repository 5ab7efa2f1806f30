import {
  type Column,
  columnsBehind,
  type KeyList,
  nameAt,
  type Pair,
  positionOf,
  resolve,
  resolvedPairs,
  UnprovenError,
} from "./column-origin.ts";
import { leavesOf } from "./columns-read.ts";
import { equalColumns, includesKey, isOneValue } from "./equal-columns.ts";
import { holds, nameOf, needWhole, type Proof, type Vector } from "./proof-state.ts";
import { proveItem } from "./prove-join.ts";
import {
  type FromItem,
  occurrencesOf,
  type Query,
  type SelectQuery,
  type Subquery,
} from "./query-shape.ts";

/** `names` are the output columns that carry the key. */
export function proveQuery(proof: Proof, query: Query, names: readonly string[]): void {
  if (!holds(proof, occurrencesOf(query))) return;
  switch (query.kind) {
    case "opaque":
      throw new UnprovenError(query.because, query.at);
    case "set": {
      if (query.limitAt !== undefined) throw limited(query.limitAt);
      proveQuery(proof, query.left, names);
      const positions = names.map((name) => positionOf(query.left, name));
      proveQuery(
        proof,
        query.right,
        positions.map((position, index) => nameAt(query.right, position, names[index] ?? "")),
      );
      return;
    }
    case "select":
      proveSelect(proof, query, names);
  }
}

function proveSelect(proof: Proof, query: SelectQuery, names: readonly string[]): void {
  if (query.limitAt !== undefined) throw limited(query.limitAt);
  const { from } = query;
  if (from === undefined) throw new UnprovenError("a subquery stands without FROM", query.at);
  const vector = names.map((name, index) => columnsBehind(query, from, name, index));
  const filter = resolvedPairs(from, query.equalities);
  for (const [index, columns] of vector.entries()) {
    if (!isOneValue(from, columns, filter)) {
      const message = `the key column ${nameOf(proof, index)} is the first of columns that differ`;
      throw new UnprovenError(message, query.at, index);
    }
  }
  proveItem(proof, from, vector, filter);

  const check = (list: KeyList, items: readonly unknown[], what: string, at: number): void => {
    for (const [index, columns] of vector.entries()) {
      if (!includesKey(query, from, items, columns, filter, list)) {
        throw new UnprovenError(`${what} ${nameOf(proof, index)}`, at);
      }
    }
  };
  if (query.grouping.kind === "sets") {
    throw new UnprovenError("GROUPING SETS put keys together", query.grouping.at);
  }
  if (query.grouping.kind === "by") {
    check(
      "group by",
      query.grouping.items,
      "GROUP BY does not contain the key column",
      query.grouping.at,
    );
  }
  if (query.distinct !== undefined && query.distinct !== "all") {
    check("distinct on", query.distinct, "DISTINCT ON does not contain the key column", query.at);
  }
  for (const { partition, at } of query.windows) {
    check("partition by", partition, "a window's PARTITION BY does not contain the key column", at);
  }
  for (const subquery of query.subqueries) {
    proveSubquery(proof, subquery, from, vector, filter);
  }
}

/** A subquery of the rows' own conditions must be tied to the key of the row it is asked for. */
function proveSubquery(
  proof: Proof,
  { query, place, at }: Subquery,
  from: FromItem,
  vector: Vector,
  filter: readonly Pair[],
): void {
  const occurrences = occurrencesOf(query);
  if (!holds(proof, occurrences)) return;
  try {
    if (place === "join") throw new UnprovenError("it is asked while rows are joined", at);
    const outer = vector.map((columns) => equalColumns(from, columns, filter));
    proveTied(proof, query, outer, at);
  } catch (error) {
    if (!(error instanceof UnprovenError)) throw error;
    needWhole(proof, occurrences, `a subquery reads it, and ${error.message}`);
  }
}

/**
 * Every row that a correlated subquery looks at carries the key of the outer row: its WHERE equates
 * a column of it with each key column.
 * @param outer per key column, the outer columns that equal it
 */
export function proveTied(
  proof: Proof,
  query: Query,
  outer: readonly (readonly Column[])[],
  at: number,
): void {
  if (query.kind !== "select" || query.from === undefined) {
    throw new UnprovenError("it is not a plain SELECT", at);
  }
  if (query.limitAt !== undefined) throw limited(query.limitAt);
  const { from } = query;
  const inner = leavesOf(from);
  const vector = outer.map((columns, index): Column[] => {
    for (const [left, right] of query.equalities) {
      for (const [own, other] of [
        [left, right],
        [right, left],
      ] as const) {
        const column = resolve(from, own);
        const isOuter = !inner.some((leaf) => leaf.alias === other.alias);
        const isKey = columns.some(
          ({ leaf, name }) => leaf.alias === other.alias && name === other.name,
        );
        if (column !== undefined && isOuter && isKey) return [column];
      }
    }
    throw new UnprovenError(`its WHERE does not equate the key column ${nameOf(proof, index)}`, at);
  });
  const filter = resolvedPairs(from, query.equalities);
  proveItem(proof, from, vector, filter);
  const isHidden = ({ leaf: { alias } }: Column) => inner.some((leaf) => leaf.alias === alias);
  const reach = vector.map((columns, index) => [
    ...equalColumns(from, columns, filter),
    ...(outer[index] ?? []).filter((column) => !isHidden(column)),
  ]);
  for (const subquery of query.subqueries) {
    const occurrences = occurrencesOf(subquery.query);
    if (!holds(proof, occurrences)) continue;
    proveTied(proof, subquery.query, reach, subquery.at);
  }
}

function limited(at: number): UnprovenError {
  return new UnprovenError("LIMIT and OFFSET look at all rows", at);
}
