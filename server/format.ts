import type { Request } from "express";
import { badParameter } from "./parameters.ts";
import { Problem } from "./problem.ts";

/** How rows are written. */
export type Format = "json" | "arrow";

export const mediaTypes: Readonly<Record<Format, string>> = {
  json: "application/json",
  arrow: "application/vnd.apache.arrow.stream",
};
const formats: readonly Format[] = ["json", "arrow"];

/**
 * Chooses the format of an answer: `format=` decides, else the Accept header, else JSON.
 * @throws Problem 400 for an unknown `format`, 406 when nothing that Accept names can be served
 */
export function chooseFormat(request: Request, parameter: string | undefined): Format {
  if (parameter !== undefined) {
    const format = formats.find((candidate) => candidate === parameter);
    if (format !== undefined) return format;
    throw badParameter(
      "format",
      `O formato "${parameter}" não existe. Use: ${formats.join(", ")}.`,
    );
  }
  const accepted = request.accepts(formats.map((format) => mediaTypes[format]));
  const format = formats.find((candidate) => mediaTypes[candidate] === accepted);
  if (format !== undefined) return format;
  throw new Problem({
    status: 406,
    type: "formato-indisponivel",
    title: "Formato indisponível",
    detail: `Este endereço responde ${formats.map((each) => mediaTypes[each]).join(" ou ")}.`,
  });
}
