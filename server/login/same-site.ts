import type { Request } from "express";
import { Problem } from "../problem.ts";

/**
 * Refuses a form that another site's page sent. Browsers tell where a form stands by
 * Sec-Fetch-Site, or by Origin where the connection is not encrypted; programs tell neither, and
 * hold no cookie that could be abused.
 *
 * @throws Problem 403
 */
export function requireOwnForm(request: Request): void {
  const site = request.headers["sec-fetch-site"];
  const { origin } = request.headers;
  const isOwn =
    site !== undefined
      ? site === "same-origin" || site === "none"
      : origin === undefined || (URL.canParse(origin) && new URL(origin).host === request.host);
  if (isOwn) return;
  throw new Problem({
    status: 403,
    type: "formulario-de-fora",
    title: "Formulário de outro site",
    detail: "Este formulário só vale na página deste servidor. Abra /entrar e tente de novo.",
  });
}
