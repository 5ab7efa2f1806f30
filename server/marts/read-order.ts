import { badParameter } from "../parameters.ts";
import type { MartColumn, Relation } from "./catalogue.ts";

/** One column of an order, and where its nulls go. */
export type OrderTerm = {
  readonly column: MartColumn;
  readonly direction: "asc" | "desc";
  readonly nulls: "first" | "last";
};

const mostTerms = 16;

/**
 * Reads `order=a,b.desc,c.asc.nullsfirst`. Without a word for them nulls come last when ascending
 * and first when descending, as in PostgreSQL.
 * @throws Problem 400 that says what was found and what is allowed
 */
export function readOrder(
  text: string | undefined,
  columns: ReadonlyMap<string, MartColumn>,
): readonly OrderTerm[] {
  if (text === undefined || text === "") return [];
  const terms: OrderTerm[] = [];
  for (const part of text.split(",").map((each) => each.trim())) {
    const [, name = "", direction = "asc", nulls] =
      /^(.+?)(?:\.(asc|desc))?(?:\.nulls(first|last))?$/s.exec(part) ?? [];
    const column = columns.get(name);
    if (column === undefined) {
      throw badParameter(
        "order",
        `Não dá para ordenar por "${part.slice(0, 60)}": escreva coluna, coluna.desc ou coluna.asc.nullsfirst. Colunas: ${[...columns.keys()].join(", ")}.`,
      );
    }
    if (terms.some((term) => term.column === column)) {
      throw badParameter("order", `A coluna "${name}" está duas vezes em order.`);
    }
    terms.push({
      column,
      direction: direction === "desc" ? "desc" : "asc",
      nulls: nulls === undefined ? (direction === "desc" ? "first" : "last") : wordOf(nulls),
    });
  }
  if (terms.length > mostTerms) {
    throw badParameter("order", `order tem ${terms.length} colunas; o máximo é ${mostTerms}.`);
  }
  return terms;
}

function wordOf(nulls: string): "first" | "last" {
  return nulls === "first" ? "first" : "last";
}

/** What is left to add to an order until it tells all rows apart: the key, or every column. */
export function keyOrder(
  { key, columns }: Relation,
  asked: readonly OrderTerm[],
): readonly OrderTerm[] {
  const telling = key.length > 0 ? columns.filter(({ name }) => key.includes(name)) : columns;
  return telling
    .filter((column) => !asked.some((term) => term.column === column))
    .map((column) => ({ column, direction: "asc", nulls: "last" }));
}
