import { UnprovenError } from "./column-origin.ts";
import type { Lookup, Proof } from "./proof-state.ts";
import { proveQuery } from "./prove-query.ts";
import { type Occurrence, occurrencesOf, type Query } from "./query-shape.ts";

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
