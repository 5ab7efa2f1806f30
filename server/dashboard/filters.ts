import type { Request } from "express";
import { badParameter, readParameters } from "../parameters.ts";
import { formatShortDay } from "./formats.ts";

/** A development or broker: its number, and whose, because accounts use the same numbers. */
export type Choice = { readonly conta: string | undefined; readonly id: string };

/** Which sales count, everywhere on the page. Absent means all. */
export type Filters = {
  readonly conta?: string | undefined;
  /** First and last day, YYYY-MM-DD; without both, each part of the page has its own stretch. */
  readonly de?: string | undefined;
  readonly ate?: string | undefined;
  readonly empreendimento?: Choice | undefined;
  readonly corretor?: Choice | undefined;
  readonly time?: string | undefined;
};

/** Columns by which the table of sales can be sorted. */
export const sortColumns = [
  "data",
  "reserva",
  "empreendimento",
  "corretor",
  "time",
  "valor",
  "comissao",
  "prosoluto",
  "situacao",
] as const;
export type SortColumn = (typeof sortColumns)[number];

/** What the table of sales shows of them. */
export type TableView = {
  readonly busca?: string | undefined;
  readonly ordem: { readonly column: SortColumn; readonly direction: "asc" | "desc" };
  /** From 1. */
  readonly pagina: number;
};

/** Everything that the address says. */
export type DashboardRequest = { readonly filters: Filters; readonly table: TableView };

const parameterNames = [
  "conta",
  "de",
  "ate",
  "empreendimento",
  "corretor",
  "time",
  "busca",
  "ordem",
  "pagina",
] as const;

const longestSearch = 100;
const newestFirst: TableView["ordem"] = { column: "data", direction: "desc" };

/** What an address says that says nothing. Its members stand in the order of one that was read. */
export const firstRequest: DashboardRequest = {
  filters: {
    conta: undefined,
    de: undefined,
    ate: undefined,
    empreendimento: undefined,
    corretor: undefined,
    time: undefined,
  },
  table: { busca: undefined, ordem: newestFirst, pagina: 1 },
};

/**
 * Reads the filters of an address.
 * @throws Problem 400 that names the parameter and what it takes
 */
export function readDashboardRequest(request: Request): DashboardRequest {
  const given = readParameters(request, parameterNames);
  const de = readDay("de", given.de);
  const ate = readDay("ate", given.ate);
  if (de !== undefined && ate !== undefined && de > ate) {
    throw badParameter(
      "de",
      `O período começa em ${formatShortDay(de)}, depois do seu fim, ${formatShortDay(ate)}.`,
    );
  }
  const busca = given.busca?.trim();
  if (busca !== undefined && busca.length > longestSearch) {
    throw badParameter("busca", `A busca tem no máximo ${longestSearch} letras.`);
  }
  return {
    filters: {
      conta: given.conta,
      de,
      ate,
      empreendimento: readChoice("empreendimento", given.empreendimento),
      corretor: readChoice("corretor", given.corretor),
      time: given.time,
    },
    table: {
      busca: busca === "" ? undefined : busca,
      ordem: readOrder(given.ordem),
      pagina: readPage(given.pagina),
    },
  };
}

/** The address of the page, or of `path`, with these filters; what says nothing is left out. */
export function addressOf({ filters, table }: DashboardRequest, path: string = "/"): string {
  const { conta, de, ate, empreendimento, corretor, time } = filters;
  const { column, direction } = table.ordem;
  const isDefaultOrder = column === newestFirst.column && direction === newestFirst.direction;
  const parameters: Readonly<Record<(typeof parameterNames)[number], string | undefined>> = {
    conta,
    de,
    ate,
    empreendimento: choiceText(empreendimento),
    corretor: choiceText(corretor),
    time,
    busca: table.busca,
    ordem: isDefaultOrder ? undefined : `${direction === "desc" ? "-" : ""}${column}`,
    pagina: table.pagina === 1 ? undefined : String(table.pagina),
  };
  const search = new URLSearchParams();
  for (const name of parameterNames) {
    const value = parameters[name];
    if (value !== undefined) search.set(name, value);
  }
  return search.size === 0 ? path : `${path}?${search}`;
}

/** The same page with other filters: the table starts at its first page again. */
export function withFilters(request: DashboardRequest, change: Filters): DashboardRequest {
  return {
    filters: { ...request.filters, ...change },
    table: { ...request.table, pagina: 1 },
  };
}

/** `12`, or `conta:12` when the account must be told. */
export function choiceText(choice: Choice | undefined): string | undefined {
  if (choice === undefined) return undefined;
  return choice.conta === undefined ? choice.id : `${choice.conta}:${choice.id}`;
}

function readChoice(name: string, text: string | undefined): Choice | undefined {
  if (text === undefined) return undefined;
  const [, conta, id] = /^(?:(.+):)?(-?\d{1,18})$/.exec(text) ?? [];
  if (id === undefined) {
    throw badParameter(name, `O parâmetro "${name}" é um número, como 12, ou conta:12.`);
  }
  return { conta, id };
}

function readDay(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const instant = new Date(`${text}T00:00:00Z`);
  const isDay =
    /^(19|20)\d\d-\d\d-\d\d$/.test(text) &&
    !Number.isNaN(instant.getTime()) &&
    instant.toISOString().startsWith(text);
  if (!isDay) {
    throw badParameter(name, `O parâmetro "${name}" é um dia como 2026-01-31, entre 1900 e 2099.`);
  }
  return text;
}

function readOrder(text: string | undefined): TableView["ordem"] {
  if (text === undefined) return newestFirst;
  const column = sortColumns.find((each) => each === text.replace(/^-/, ""));
  if (column === undefined) {
    throw badParameter(
      "ordem",
      `A ordem é uma de: ${sortColumns.join(", ")}; com um - antes, da maior para a menor.`,
    );
  }
  return { column, direction: text.startsWith("-") ? "desc" : "asc" };
}

function readPage(text: string | undefined): number {
  if (text === undefined) return 1;
  if (!/^[1-9]\d{0,6}$/.test(text)) {
    throw badParameter("pagina", "A página é um número a partir de 1.");
  }
  return Number(text);
}
