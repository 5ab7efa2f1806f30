import type { StampRange } from "./selection.ts";

/** How an account reads the date filters: with or without a time of day. */
export type DateMode = "datetime" | "date-only";

export type PageRequest = {
  readonly pagina: number;
  readonly registrosPorPagina: number;
  readonly range: StampRange;
};

export type ReadParameters =
  | { readonly status: "read"; readonly request: PageRequest }
  | { readonly status: "invalid"; readonly field: string };

const DEFAULT_PAGE_SIZE = 30;
const LARGEST_PAGE_SIZE = 500;

/**
 * The parameters of a call as texts: those of the query string, and those of a JSON body for
 * names that the query does not hold. A body that is no JSON object is ignored.
 */
export function gatherParameters(
  query: URLSearchParams,
  body: string,
): ReadonlyMap<string, string> {
  const gathered = new Map<string, string>();
  for (const [name, value] of Object.entries(parseObject(body))) {
    if (typeof value === "string" || typeof value === "number") gathered.set(name, String(value));
  }
  for (const [name, value] of query) gathered.set(name, value);
  return gathered;
}

/**
 * Reads the parameters that the source knows; others, `registros` among them, are ignored.
 * Sizes above 500 become 500 and anything that is no positive number the default: what the
 * source does there was never observed.
 */
export function readParameters(
  parameters: ReadonlyMap<string, string>,
  mode: DateMode,
): ReadParameters {
  const range: { from?: string; until?: string } = {};
  const bounds = [
    ["a_partir_data_referencia", "from", "00:00:00"],
    ["ate_data_referencia", "until", "23:59:59"],
  ] as const;
  for (const [field, bound, dayEdge] of bounds) {
    const text = parameters.get(field);
    if (text === undefined || text === "") continue;
    const moment = readMoment(text, mode, dayEdge);
    if (moment === undefined) return { status: "invalid", field };
    range[bound] = moment;
  }
  const request = {
    pagina: positive(parameters.get("pagina")) ?? 1,
    registrosPorPagina: Math.min(
      positive(parameters.get("registros_por_pagina")) ?? DEFAULT_PAGE_SIZE,
      LARGEST_PAGE_SIZE,
    ),
    range,
  };
  return { status: "read", request };
}

function readMoment(text: string, mode: DateMode, dayEdge: string): string | undefined {
  const [, day, time] = /^(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d:\d\d))?$/.exec(text) ?? [];
  if (day === undefined || (mode === "date-only" && time !== undefined)) return undefined;
  const moment = `${day} ${time ?? dayEdge}`;
  const parsed = new Date(`${moment.replace(" ", "T")}Z`);
  if (Number.isNaN(parsed.getTime())) return undefined;
  // A day that does not exist (a zero date, 31 February) rolls over into another one.
  return parsed.toISOString().startsWith(moment.replace(" ", "T")) ? moment : undefined;
}

function positive(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d+$/.test(text.trim())) return undefined;
  const number = Number(text);
  return number > 0 && Number.isSafeInteger(number) ? number : undefined;
}

function parseObject(body: string): object {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}
