import {
  type Column,
  columnsBehind,
  isIn,
  type KeyList,
  nameAt,
  originalNames,
  originOf,
  type Pair,
  pairsOf,
  positionOf,
  resolve,
  resolvedPairs,
  UnprovenError,
} from "./column-origin.ts";
import { leavesOf } from "./columns-read.ts";
import { equalColumns, filterBelow, includesKey, isOneValue, type Side } from "./equal-columns.ts";
import {
  type FromItem,
  type Join,
  type Leaf,
  type Occurrence,
  occurrencesOf,
  occurrencesOfItem,
  type Query,
  type SelectQuery,
  type Subquery,
} from "./query-shape.ts";

/** Which occurrences of relations can be restricted to keys, and which are needed whole. */
export type KeyProof = {
  readonly columns: readonly string[];
  readonly restricted: readonly {
    readonly occurrence: Occurrence;
    readonly columns: readonly string[];
  }[];
  readonly whole: readonly {
    readonly occurrence: Occurrence;
    readonly because: string;
    /** How rows of it find the keys they touch, when every use of it tells. */
    readonly lookups: readonly Lookup[];
  }[];
};

/** Rows with these columns meet only rows of a restricted occurrence that have equal ones. */
export type Lookup = {
  readonly columns: readonly string[];
  readonly through: Occurrence;
  readonly throughColumns: readonly string[];
};

/** Per key column, the columns of which the first that is not null is its value. */
type Vector = readonly (readonly Column[])[];

type WholeOccurrence = {
  readonly occurrence: Occurrence;
  readonly because: string;
  /** It cannot be restricted by anything. */
  readonly isUnfit: boolean;
};

/** What is known while a proof goes on. */
type Proof = {
  /** Names of the key columns, for sentences. */
  readonly key: readonly string[];
  /** By place: an occurrence is restricted in one way or not at all. */
  readonly restricted: Map<number, { occurrence: Occurrence; columns: readonly string[] }>;
  readonly whole: Map<number, WholeOccurrence>;
  /** By place of an occurrence that is needed whole, one for each use of it that was found. */
  readonly lookups: Map<number, Lookup[]>;
};

/**
 * Proves that the rows of a query with a given key rest only on rows of the restricted occurrences
 * that carry that key. An occurrence that stands beside the key's own path and is not tied to it by
 * all key columns is needed whole, wherever it is read.
 *
 * @param unfit why a relation cannot be restricted; undefined when it can
 * @throws UnprovenError when the path of the key itself breaks a rule
 */
export function proveKey(
  query: Query,
  key: readonly string[],
  unfit: (relation: string) => string | undefined,
): KeyProof {
  const whole: Proof["whole"] = new Map();
  for (const occurrence of occurrencesOf(query)) {
    const because = unfit(occurrence.relation);
    if (because !== undefined) whole.set(occurrence.at, { occurrence, because, isUnfit: true });
  }
  return proveColumns(query, key, whole);
}

function proveColumns(query: Query, key: readonly string[], unfit: Proof["whole"]): KeyProof {
  const whole: Proof["whole"] = new Map(unfit);
  for (;;) {
    const known = whole.size;
    const proof: Proof = { key, restricted: new Map(), whole, lookups: new Map() };
    try {
      proveQuery(proof, query, key);
    } catch (error) {
      // Without a computed column the others may still tell where rows come from.
      const rest =
        error instanceof UnprovenError ? withoutComputed(key, error.computed) : undefined;
      if (rest === undefined) throw error;
      return proveColumns(query, rest, unfit);
    }
    // An occurrence found to be needed whole may have been restricted before that was known.
    if (whole.size > known) continue;
    if (proof.restricted.size === 0) {
      const [first] = [...whole.values()];
      const because = first === undefined ? "it reads no relation" : reasonOf(first);
      throw new UnprovenError(because, first?.occurrence.at ?? 0);
    }
    return {
      columns: key,
      restricted: [...proof.restricted.values()],
      whole: [...whole.values()].map((one) => ({ ...one, lookups: lookupsOf(proof, query, one) })),
    };
  }
}

/** The lookups of an occurrence, if there is one for every place where the query uses it. */
function lookupsOf(
  proof: Proof,
  query: Query,
  { occurrence }: { readonly occurrence: Occurrence },
): readonly Lookup[] {
  const uses = occurrencesOf(query).filter(({ at }) => at === occurrence.at).length;
  const found = proof.lookups.get(occurrence.at) ?? [];
  return found.length === uses ? found : [];
}

function reasonOf({ occurrence, because }: { occurrence: Occurrence; because: string }): string {
  return `${occurrence.relation} is needed whole: ${because}`;
}

function withoutComputed(
  key: readonly string[],
  computed: number | undefined,
): readonly string[] | undefined {
  if (computed === undefined) return undefined;
  const rest = key.filter((_, index) => index !== computed);
  return key[computed] !== "conta" && rest.some((name) => name !== "conta") ? rest : undefined;
}

/** The query reads something that is restricted, so rules apply to it. */
function holds(proof: Proof, occurrences: readonly Occurrence[]): boolean {
  return occurrences.some(({ at }) => !proof.whole.has(at));
}

function needWhole(proof: Proof, occurrences: readonly Occurrence[], because: string): void {
  for (const occurrence of occurrences) {
    if (!proof.whole.has(occurrence.at))
      proof.whole.set(occurrence.at, { occurrence, because, isUnfit: false });
  }
}

/** `names` are the output columns that carry the key. */
function proveQuery(proof: Proof, query: Query, names: readonly string[]): void {
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

function limited(at: number): UnprovenError {
  return new UnprovenError("LIMIT and OFFSET look at all rows", at);
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

function nameOf({ key }: Proof, index: number): string {
  return key[index] ?? "";
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
function proveTied(
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

/**
 * The rows of a part of FROM that have a key rest only on rows that carry it.
 * @param filter equalities that every row must meet after the part is put together
 */
function proveItem(proof: Proof, item: FromItem, vector: Vector, filter: readonly Pair[]): void {
  if (!holds(proof, occurrencesOfItem(item))) return;
  if (item.kind === "join") proveJoin(proof, item, vector, filter);
  else proveLeaf(proof, item, vector);
}

function proveLeaf(proof: Proof, leaf: Leaf, vector: Vector): void {
  const names = vector.map(([column, ...others], index) => {
    if (column === undefined || others.some(({ name }) => name !== column.name)) {
      throw new UnprovenError(`${nameOf(proof, index)} is not one column`, placeOf(leaf), index);
    }
    return column.name;
  });
  switch (leaf.kind) {
    case "rows":
      return;
    case "opaque":
      throw new UnprovenError(leaf.because, leaf.at);
    case "query":
      proveQuery(proof, leaf.query, originalNames(leaf, names));
      return;
    case "relation": {
      const { occurrence } = leaf;
      const before = proof.restricted.get(occurrence.at);
      if (before !== undefined && before.columns.join() !== names.join()) {
        const because = `it is read by (${before.columns.join(", ")}) and by (${names.join(", ")})`;
        needWhole(proof, [occurrence], because);
        throw new UnprovenError(because, occurrence.at);
      }
      proof.restricted.set(occurrence.at, { occurrence, columns: names });
    }
  }
}

function placeOf(leaf: Leaf): number {
  if (leaf.kind === "rows") return 0;
  return leaf.kind === "relation" ? leaf.occurrence.at : leaf.at;
}

function proveJoin(proof: Proof, join: Join, vector: Vector, filter: readonly Pair[]): void {
  const sides = sidesOf(join, vector, filter);
  for (const side of ["left", "right"] as const) {
    const item = join[side];
    const occurrences = occurrencesOfItem(item);
    const mayGiveUp = vector.every((columns) => columns.every((column) => !isIn(item, column)));
    if (!holds(proof, occurrences)) {
      if (mayGiveUp && join.type !== "full") findLookups(proof, join, side);
      continue;
    }
    try {
      proveSide(proof, join, side, sides, filter);
    } catch (error) {
      if (!(error instanceof UnprovenError) || !mayGiveUp) throw error;
      needWhole(proof, occurrences, error.message);
    }
  }
}

/**
 * A side that is needed whole meets the other one by equal columns: then a changed row of it touches
 * only the keys of the rows that have its values. Those of one restricted occurrence are taken.
 */
function findLookups(proof: Proof, join: Join, side: Side): void {
  const item = join[side];
  const other = join[side === "left" ? "right" : "left"];
  const pairs = pairsOf(join).flatMap(([a, b]) => {
    const [own, met] = isIn(item, a) ? [a, b] : [b, a];
    const origin = isIn(item, own) && isIn(other, met) ? originOf(met) : undefined;
    return origin === undefined ? [] : [{ own, origin }];
  });
  const through = pairs
    .map(({ origin }) => origin.occurrence)
    .find(({ at }) => !proof.whole.has(at));
  if (through === undefined) return;
  const used = pairs.filter(({ origin }) => origin.occurrence.at === through.at);
  const restricted = proveAlone(
    item,
    used.map(({ own }) => own),
    proof.whole,
  );
  for (const { occurrence, columns } of restricted) {
    const lookup = { columns, through, throughColumns: used.map(({ origin }) => origin.name) };
    proof.lookups.set(occurrence.at, [...(proof.lookups.get(occurrence.at) ?? []), lookup]);
  }
}

/** The occurrences of a part of FROM whose rows with these values rest only on rows that carry them. */
function proveAlone(
  item: FromItem,
  columns: readonly Column[],
  unfit: Proof["whole"],
): readonly { readonly occurrence: Occurrence; readonly columns: readonly string[] }[] {
  // What the key's own proof needs whole may still be followed by these columns.
  const occurrences = new Set(occurrencesOfItem(item).map(({ at }) => at));
  const whole: Proof["whole"] = new Map(
    [...unfit].filter(([at, { isUnfit }]) => !occurrences.has(at) || isUnfit),
  );
  const names = columns.map(({ name }) => name);
  for (;;) {
    const known = whole.size;
    const proof: Proof = { key: names, restricted: new Map(), whole, lookups: new Map() };
    try {
      proveItem(
        proof,
        item,
        columns.map((column) => [column]),
        [],
      );
    } catch (error) {
      if (!(error instanceof UnprovenError)) throw error;
      return [];
    }
    if (whole.size === known) return [...proof.restricted.values()];
  }
}

function proveSide(
  proof: Proof,
  join: Join,
  side: Side,
  sides: { readonly [side in Side]: readonly (readonly Column[])[] },
  filter: readonly Pair[],
): void {
  const item = join[side];
  const own = sides[side];
  const missing = own.findIndex((columns) => columns.length === 0);
  if (missing < 0) {
    proveItem(proof, item, own, filterBelow(join, side, filter));
    return;
  }
  const other = sides[side === "left" ? "right" : "left"];
  if (item.kind === "query" && item.lateral && side === "right") {
    const outer = other.map((columns) => equalColumns(join.left, columns, filter));
    proveTied(proof, item.query, outer, item.at);
    return;
  }
  throw new UnprovenError(
    `it is joined without the key column ${nameOf(proof, missing)} on both sides`,
    join.at,
  );
}

/**
 * The key as each side of a join carries it: for every key column the columns of that side that
 * hold it in all pairs of rows that the join puts together; empty where there are none.
 */
function sidesOf(
  join: Join,
  vector: Vector,
  filter: readonly Pair[],
): { readonly [side in Side]: readonly (readonly Column[])[] } {
  const left: (readonly Column[])[] = [];
  const right: (readonly Column[])[] = [];
  for (const [index, columns] of vector.entries()) {
    const inLeft = columns.filter((column) => isIn(join.left, column));
    const inRight = columns.filter((column) => isIn(join.right, column));
    const equal = equalColumns(join, columns, filter);
    const tied = (item: FromItem) => equal.filter((column) => isIn(item, column)).slice(0, 1);
    const keeps: Side = inLeft.length > 0 ? "left" : "right";
    const both = inLeft.length > 0 && inRight.length > 0;
    if (join.type === "full") {
      if (!both) throw missingSide(join, index);
      left.push(inLeft);
      right.push(inRight);
      continue;
    }
    if (join.type !== "inner" && !both && keeps !== join.type) throw missingSide(join, index);
    left.push(inLeft.length > 0 ? inLeft : tied(join.left));
    right.push(inRight.length > 0 ? inRight : tied(join.right));
  }
  return { left, right };
}

function missingSide(join: Join, index: number): UnprovenError {
  return new UnprovenError(
    "the key comes from a side of an outer join that may be missing",
    join.at,
    index,
  );
}
