import {
  type Column,
  isIn,
  originalNames,
  originOf,
  type Pair,
  pairsOf,
  UnprovenError,
} from "./column-origin.ts";
import { equalColumns, filterBelow, type Side } from "./equal-columns.ts";
import { holds, nameOf, needWhole, type Proof, type Vector } from "./proof-state.ts";
import { proveQuery, proveTied } from "./prove-query.ts";
import {
  type FromItem,
  type Join,
  type Leaf,
  type Occurrence,
  occurrencesOfItem,
} from "./query-shape.ts";

/**
 * The rows of a part of FROM that have a key rest only on rows that carry it.
 * @param filter equalities that every row must meet after the part is put together
 */
export function proveItem(
  proof: Proof,
  item: FromItem,
  vector: Vector,
  filter: readonly Pair[],
): void {
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
