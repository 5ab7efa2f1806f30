import type { Request } from "express";
import { Problem } from "./problem.ts";

/**
 * Reads the parameters of a request's query; blank ones count as absent.
 * @throws Problem 400 that names the first one that is unknown or given twice
 */
export function readParameters<Name extends string>(
  request: Request,
  known: readonly Name[],
): Readonly<Partial<Record<Name, string>>> {
  const found: Partial<Record<Name, string>> = {};
  const start = request.originalUrl.indexOf("?");
  const search = start === -1 ? "" : request.originalUrl.slice(start + 1);
  for (const [given, value] of new URLSearchParams(search)) {
    const name = known.find((candidate) => candidate === given);
    if (name === undefined) {
      throw badParameter(
        given,
        `Este endereço não conhece o parâmetro "${given}". Ele aceita: ${known.join(", ") || "nenhum"}.`,
      );
    }
    if (name in found) throw badParameter(name, `O parâmetro "${name}" veio mais de uma vez.`);
    // PostgreSQL's text cannot hold it.
    if (value.includes("\0")) {
      throw badParameter(name, `O parâmetro "${name}" tem um caractere que nenhum valor tem.`);
    }
    found[name] = value;
  }
  for (const name of known) if (found[name] === "") delete found[name];
  return found;
}

/** A 400 that names the parameter. */
export function badParameter(name: string, detail: string): Problem {
  return new Problem({
    status: 400,
    type: "parametro-invalido",
    title: "Parâmetro inválido",
    detail,
    members: { parametro: name },
  });
}
