/**
 * Columns of few values, whatever the mart: in Arrow they are dictionaries. Declared, not guessed,
 * so that a column keeps its type whatever rows an answer has.
 */
const categories: ReadonlySet<string> = new Set([
  "conta",
  "ativo",
  "status",
  "situacao",
  "estagio",
  "classe",
  "origem",
  "prosoluto_origem",
  "tipo",
  "tipo_venda",
  "midia",
  "canal",
  "prioridade",
  "time_corretor",
  "periodo",
]);

/** Whether a column of texts is sent as a dictionary in Arrow. */
export function isCategory(column: {
  readonly name: string;
  readonly type: { readonly kind: string };
}): boolean {
  return column.type.kind === "text" && categories.has(column.name);
}
