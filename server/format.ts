import type { Request } from "express";
import { badParameter } from "./parameters.ts";
import { Problem } from "./problem.ts";

/** How rows are written. */
export type Format = "json" | "ndjson" | "csv" | "arrow";

export const mediaTypes: Readonly<Record<Format, string>> = {
  json: "application/json",
  ndjson: "application/x-ndjson",
  csv: "text/csv; charset=utf-8",
  arrow: "application/vnd.apache.arrow.stream",
};

/** What callers may name in Accept for a format. */
const acceptedTypes: Readonly<Record<Format, readonly string[]>> = {
  json: ["application/json"],
  ndjson: ["application/x-ndjson", "application/ndjson"],
  csv: ["text/csv"],
  arrow: ["application/vnd.apache.arrow.stream"],
};

/**
 * Chooses the format of an answer: `format=` decides, else the Accept header, else the first one.
 * @throws Problem 400 for an unknown `format`, 406 when nothing that Accept names can be served
 */
export function chooseFormat<Offered extends Format>(
  request: Request,
  parameter: string | undefined,
  offered: readonly Offered[],
): Offered {
  if (parameter !== undefined) {
    const format = offered.find((candidate) => candidate === parameter);
    if (format !== undefined) return format;
    throw badParameter(
      "format",
      `O formato "${parameter.slice(0, 60)}" não existe aqui. Use: ${offered.join(", ")}.`,
    );
  }
  const types = offered.flatMap((format) => acceptedTypes[format]);
  const accepted = request.accepts(types);
  const format = offered.find((each) => acceptedTypes[each].some((type) => type === accepted));
  if (format !== undefined) return format;
  throw new Problem({
    status: 406,
    type: "formato-indisponivel",
    title: "Formato indisponível",
    detail: `Este endereço responde ${types.join(" ou ")}.`,
  });
}
