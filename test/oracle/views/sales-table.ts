import { addMonths } from "../calendar.ts";
import { columnTypes } from "../column-types.ts";
import { percentage } from "../decimal.ts";
import { amount, whole } from "../relation.ts";
import type { View } from "./view.ts";

export const tabelaGeral: View = {
  name: "vw_tabela_geral_vendas",
  key: ["cvcrm_id"],
  columns: {
    cvcrm_id: "bigint",
    empreendimento: "text",
    corretor: "text",
    time_corretor: "text",
    cliente: "text",
    data_venda: "date",
    valor: columnTypes.money,
    valor_financiamento: columnTypes.money,
    valor_entrada: columnTypes.money,
    numero_parcelas: columnTypes.count,
    vgv: columnTypes.money,
    comissao_valor: columnTypes.money,
    valor_prosoluto: columnTypes.money,
    percentual_prosoluto: columnTypes.percent,
    status: "text",
  },
  rowsOf: ({ facts, sales, hoje }) =>
    sales
      .filter((sale) => sale.dataVenda >= addMonths(hoje, -24))
      .map((sale) => {
        const valores = facts.valoresOf(sale);
        return {
          cvcrm_id: whole(sale.id),
          empreendimento: sale.empreendimento,
          corretor: sale.corretor,
          time_corretor: sale.time,
          cliente: initials(sale.cliente),
          data_venda: sale.dataVenda,
          valor: amount(sale.valor),
          valor_financiamento: amount(valores.financiamento),
          valor_entrada: amount(valores.entrada),
          numero_parcelas: whole(valores.numeroParcelas),
          vgv: amount(sale.valor),
          comissao_valor: amount(sale.comissao),
          valor_prosoluto: amount(sale.prosoluto),
          percentual_prosoluto: amount(percentage(sale.prosoluto, sale.valor ?? 0n)),
          status: sale.situacao,
        };
      }),
};

/** How a client's name is shown to those who may not see it: "Maria da Silva" → "M. d. S.". */
function initials(name: string | null): string | null {
  return name === null ? null : name.replace(/(\S)\S*\s*/gu, "$1. ").trim();
}
