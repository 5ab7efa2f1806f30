import type { Account } from "./account.ts";
import { type Answer, jsonAnswer } from "./answer.ts";
import type { PageRequest } from "./parameters.ts";
import { hashText } from "./random.ts";

/** How a page without records is sent. */
export type EmptyForm = "envelope" | "204" | "empty-body";

type Part = "pagina" | "registros" | "total_de_registros" | "total_de_paginas" | "dados";

/** The order of the envelope's keys differs between objects. */
const keyOrders: readonly (readonly Part[])[] = [
  ["pagina", "registros", "total_de_registros", "total_de_paginas", "dados"],
  ["total_de_registros", "total_de_paginas", "pagina", "registros", "dados"],
  ["dados", "pagina", "registros", "total_de_registros", "total_de_paginas"],
];

/** Objects that send `pagina` back as a text. */
const paginaAsText: ReadonlySet<string> = new Set([
  "imobiliarias",
  "corretores",
  "comissoes",
  "distratos",
  "leads_conversoes",
  "unidades_precos",
  "pesquisas",
  "processos",
]);

/** The page an account shows for a request. */
export function pageAnswer(
  account: Account,
  object: string,
  request: PageRequest,
  emptyForm: EmptyForm,
): Answer {
  const { pagina, registrosPorPagina } = request;
  const start = (pagina - 1) * registrosPorPagina;
  const { total, rows } = account.page(object, request.range, start, start + registrosPorPagina);
  if (rows.length === 0 && emptyForm === "204") return { ...noBody, status: 204 };
  if (rows.length === 0 && emptyForm === "empty-body") return noBody;
  const parts: { readonly [part in Part]: readonly string[] } = {
    pagina: [paginaAsText.has(object) ? `"${pagina}"` : `${pagina}`],
    // The page size asked for, not the rows sent.
    registros: [`${registrosPorPagina}`],
    total_de_registros: [`${total}`],
    total_de_paginas: [`${Math.ceil(total / registrosPorPagina)}`],
    dados: ["[", ...rows.flatMap((row, nth) => (nth === 0 ? [row] : [",", row])), "]"],
  };
  const order = keyOrders[hashText(object) % keyOrders.length] ?? [];
  const status = object.startsWith("correspondentes") ? `,"status":"success"` : "";
  const members = order.flatMap((part, nth) => [
    `${nth === 0 ? "{" : ","}"${part}":`,
    ...parts[part],
  ]);
  return {
    status: 200,
    headers: { "content-type": "application/json" },
    body: [...members, `${status}}`],
    rows: rows.length,
  };
}

const noBody: Answer = { ...jsonAnswer(200, null), body: "" };
