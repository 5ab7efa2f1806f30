import type { AccountFacts } from "../account.ts";
import type { Cell } from "../relation.ts";

/** A mart and how its rows follow from an account's facts; `conta` comes first and is left out here. */
export type Table = {
  readonly name: string;
  readonly key: readonly string[];
  readonly columns: { readonly [column: string]: string };
  readonly rowsOf: (facts: AccountFacts) => readonly { readonly [column: string]: Cell }[];
};
