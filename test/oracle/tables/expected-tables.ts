import type { AccountFacts } from "../account.ts";
import { type OracleRelation, row } from "../relation.ts";
import { comissoes } from "./commissions.ts";
import { condicoes, leituraCondicoes, prosoluto, valoresReservas } from "./payments.ts";
import { reservas, vendas } from "./reservas.ts";
import { empreendimentos, unidades } from "./stock.ts";
import { naoClassificados } from "./unclassified.ts";

/** The marts that the views rest on. Masked columns are left out. */
export function expectedTables(accounts: readonly AccountFacts[]): readonly OracleRelation[] {
  return [
    reservas,
    vendas,
    comissoes,
    condicoes,
    valoresReservas,
    prosoluto,
    unidades,
    empreendimentos,
    leituraCondicoes,
    naoClassificados,
  ].map(({ name, key, columns, rowsOf }) => ({
    name,
    key: ["conta", ...key],
    columns: { conta: "text", ...columns },
    rows: accounts.flatMap((facts) =>
      rowsOf(facts).map((cells) => row({ ...cells, conta: facts.conta })),
    ),
  }));
}
