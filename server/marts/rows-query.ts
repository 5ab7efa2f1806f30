import { badParameter } from "../parameters.ts";
import type { MartColumn, Relation } from "./catalogue.ts";
import { type CursorValues, readCursor } from "./cursor.ts";
import { assertFewValues, type Condition, readFilter, readLogic } from "./read-condition.ts";
import { keyOrder, type OrderTerm, readOrder } from "./read-order.ts";

/** Which rows and columns of a relation are asked for. */
export type RowsQuery = {
  readonly columns: readonly MartColumn[];
  readonly conditions: readonly Condition[];
  /** As asked for, and then by what tells rows apart: no two rows are equal in it. */
  readonly order: readonly OrderTerm[];
  /** Whether an order was asked for. */
  readonly isOrdered: boolean;
  readonly limit: number | undefined;
  readonly offset: number;
  /** The last row of the page before, in the columns of `order`. */
  readonly after: CursorValues | undefined;
  readonly format: string | undefined;
};

const ownParameters = ["select", "order", "limit", "offset", "cursor", "format"] as const;
type OwnParameter = (typeof ownParameters)[number];
const logicParameters = ["or", "and", "not.or", "not.and"];

/** The first parameter of an address that carries values to the database, the cursor before all. */
export function valueParameter(search: string): string | undefined {
  const names = [...new URLSearchParams(search).keys()];
  if (names.includes("cursor")) return "cursor";
  return names.find((name) => !ownParameters.some((own) => own === name));
}

/**
 * Reads the query of an address, in PostgREST's grammar: `select=a,b`, `order=a.desc,b`, `limit`,
 * `offset`, `coluna=operador.valor` and `or=(…)`; besides, `cursor` and `format`.
 * @throws Problem 400 that names the first parameter that is wrong, what was found and what is allowed
 */
export function readRowsQuery(relation: Relation, search: string): RowsQuery {
  const columns = new Map(relation.columns.map((column) => [column.name, column]));
  const own: Partial<Record<OwnParameter, string>> = {};
  const conditions: Condition[] = [];
  for (const [name, value] of new URLSearchParams(search)) {
    // PostgreSQL's text cannot hold it.
    if (value.includes("\0")) {
      throw badParameter(name, `O parâmetro "${name}" tem um caractere que nenhum valor tem.`);
    }
    const column = columns.get(name);
    const parameter = ownParameters.find((each) => each === name);
    if (parameter !== undefined) {
      if (own[parameter] !== undefined) {
        throw badParameter(name, `O parâmetro "${name}" veio mais de uma vez.`);
      }
      own[parameter] = value;
    } else if (logicParameters.includes(name)) conditions.push(readLogic(name, value, columns));
    else if (column !== undefined) conditions.push(readFilter(column, value));
    else throw unknownParameter(name, relation);
    assertFewValues(conditions, name);
  }
  const asked = readOrder(own.order, columns);
  const order = [...asked, ...keyOrder(relation, asked)];
  const offset = readCount("offset", own.offset) ?? 0;
  const after = isGiven(own.cursor) ? readCursor(own.cursor, relation, order) : undefined;
  if (after !== undefined && offset > 0) {
    throw badParameter(
      "offset",
      "offset e cursor não valem juntos: o cursor já diz de onde seguir.",
    );
  }
  return {
    columns: readColumns(own.select, relation, columns),
    conditions,
    order,
    isOrdered: asked.length > 0,
    limit: readCount("limit", own.limit),
    offset,
    after,
    format: isGiven(own.format) ? own.format : undefined,
  };
}

/** Every row and column of a relation, as they lie. */
export function allRows({ columns }: Relation): RowsQuery {
  return {
    columns,
    conditions: [],
    order: [],
    isOrdered: false,
    limit: undefined,
    offset: 0,
    after: undefined,
    format: undefined,
  };
}

function isGiven(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}

function readColumns(
  text: string | undefined,
  relation: Relation,
  columns: ReadonlyMap<string, MartColumn>,
): readonly MartColumn[] {
  if (!isGiven(text) || text.trim() === "*") return relation.columns;
  const chosen: MartColumn[] = [];
  for (const name of text.split(",").map((each) => each.trim())) {
    const column = columns.get(name);
    if (column === undefined) {
      throw badParameter(
        "select",
        `Não há uma coluna "${name.slice(0, 60)}". ${columnsOf(relation)}`,
      );
    }
    if (chosen.includes(column)) {
      throw badParameter("select", `A coluna "${name}" está duas vezes em select.`);
    }
    chosen.push(column);
  }
  return chosen;
}

function readCount(name: "limit" | "offset", text: string | undefined): number | undefined {
  if (!isGiven(text)) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw badParameter(
    name,
    `"${name}" é um número inteiro de 0 a 999999999, e veio "${text.slice(0, 60)}".`,
  );
}

function unknownParameter(name: string, relation: Relation): Error {
  return badParameter(
    name,
    `Não há um parâmetro nem uma coluna "${name.slice(0, 60)}". Parâmetros: ${ownParameters.join(", ")}, or, and. ${columnsOf(relation)}`,
  );
}

function columnsOf({ columns }: Relation): string {
  return `Colunas: ${columns.map(({ name }) => name).join(", ")}.`;
}
