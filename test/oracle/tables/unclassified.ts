import { columnTypes } from "../column-types.ts";
import { type Hundredths, sum } from "../decimal.ts";
import { groupBy } from "../group.ts";
import { amount, type Cell } from "../relation.ts";
import type { Table } from "./table.ts";

export const naoClassificados: Table = {
  name: "nao_classificados",
  key: ["tipo", "texto"],
  columns: { tipo: "text", texto: "text", linhas: "integer", valor: columnTypes.sum },
  rowsOf: (facts) => [
    ...listed(
      "serie",
      facts.condicoes
        .filter((row) => row.ativo === "S" && row.classe === "nao_classificada")
        .map((row) => ({ texto: row.serie ?? "", valor: row.valorTotal })),
    ),
    ...listed(
      "situacao",
      facts.reservas
        .filter((reserva) => reserva.estagio === null)
        .map((reserva) => ({ texto: reserva.situacao ?? "", valor: reserva.valorContrato })),
    ),
    ...[
      ...groupBy(
        facts.vendas.filter((venda) => venda.time === null && venda.corretorId !== null),
        (venda) => venda.corretorId,
      ),
    ].map(([id, mine]) => {
      const nome =
        mine
          .map((venda) => venda.corretor ?? "")
          .toSorted()
          .at(-1) ?? "";
      return {
        tipo: "corretor_sem_time",
        texto: `${id} ${nome}`.trim(),
        linhas: mine.length,
        valor: amount(sum(mine.map((venda) => venda.valor))),
      };
    }),
  ],
};

function listed(
  tipo: string,
  rows: readonly { readonly texto: string; readonly valor: Hundredths | null }[],
): readonly { readonly [column: string]: Cell }[] {
  return [...groupBy(rows, (each) => each.texto)].map(([texto, mine]) => ({
    tipo,
    texto,
    linhas: mine.length,
    valor: amount(sum(mine.map((each) => each.valor))),
  }));
}
