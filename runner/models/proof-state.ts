import type { Column } from "./column-origin.ts";
import type { Occurrence } from "./query-shape.ts";

/** Rows with these columns meet only rows of a restricted occurrence that have equal ones. */
export type Lookup = {
  readonly columns: readonly string[];
  readonly through: Occurrence;
  readonly throughColumns: readonly string[];
};

/** Per key column, the columns of which the first that is not null is its value. */
export type Vector = readonly (readonly Column[])[];

export type WholeOccurrence = {
  readonly occurrence: Occurrence;
  readonly because: string;
  /** It cannot be restricted by anything. */
  readonly isUnfit: boolean;
};

/** What is known while a proof goes on. */
export type Proof = {
  /** Names of the key columns, for sentences. */
  readonly key: readonly string[];
  /** By place: an occurrence is restricted in one way or not at all. */
  readonly restricted: Map<number, { occurrence: Occurrence; columns: readonly string[] }>;
  readonly whole: Map<number, WholeOccurrence>;
  /** By place of an occurrence that is needed whole, one for each use of it that was found. */
  readonly lookups: Map<number, Lookup[]>;
};

/** The query reads something that is restricted, so rules apply to it. */
export function holds(proof: Proof, occurrences: readonly Occurrence[]): boolean {
  return occurrences.some(({ at }) => !proof.whole.has(at));
}

export function needWhole(proof: Proof, occurrences: readonly Occurrence[], because: string): void {
  for (const occurrence of occurrences) {
    if (!proof.whole.has(occurrence.at))
      proof.whole.set(occurrence.at, { occurrence, because, isUnfit: false });
  }
}

/** The key column of that place, for sentences. */
export function nameOf({ key }: Proof, index: number): string {
  return key[index] ?? "";
}
