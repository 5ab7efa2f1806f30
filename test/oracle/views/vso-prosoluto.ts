import { monthsUpTo } from "../calendar.ts";
import { columnTypes } from "../column-types.ts";
import { average, percentage, sum } from "../decimal.ts";
import { amount } from "../relation.ts";
import { averageValue, developments, ofMonth, ticket, totalOf } from "./sale-sums.ts";
import type { View } from "./view.ts";

export const vsoMensal: View = {
  name: "vw_vso_mensal",
  key: ["mes"],
  columns: {
    mes: "date",
    quantidade_vendas: columnTypes.count,
    vso_valor: columnTypes.sum,
    vso_ticket_medio: columnTypes.average,
    vso_por_empreendimento: columnTypes.average,
    oferta: columnTypes.count,
    vso_percentual: columnTypes.percent,
  },
  rowsOf: ({ facts, sales, hoje }) =>
    monthsUpTo(hoje, 12).map((mes) => {
      const mine = ofMonth(sales, mes);
      const sold = new Set(
        facts.vendas.filter((venda) => venda.dataVenda < mes).map((venda) => venda.unidadeId),
      );
      const offered = facts.unidades.filter((unit) => unit.codigo !== 4n && !sold.has(unit.id));
      const withUnit = mine.filter((sale) => sale.unidadeId !== null);
      return {
        mes,
        quantidade_vendas: mine.length,
        vso_valor: amount(totalOf(mine)),
        vso_ticket_medio: ticket(mine),
        vso_por_empreendimento: amount(averageValue(mine, developments(mine))),
        oferta: offered.length,
        vso_percentual: amount(percentage(BigInt(withUnit.length), BigInt(offered.length))),
      };
    }),
};

export const prosolutoAnalise: View = {
  name: "vw_prosoluto_analise",
  key: ["mes"],
  columns: {
    mes: "date",
    quantidade_prosoluto: columnTypes.count,
    valor_total_prosoluto: columnTypes.sum,
    media_prosoluto: columnTypes.average,
    percentual_prosoluto_sobre_venda: columnTypes.percent,
  },
  rowsOf: ({ sales, hoje }) =>
    monthsUpTo(hoje, 12).map((mes) => {
      const mine = ofMonth(sales, mes);
      const withProsoluto = mine.filter((sale) => sale.prosoluto > 0n);
      const total = sum(withProsoluto.map((sale) => sale.prosoluto));
      return {
        mes,
        quantidade_prosoluto: withProsoluto.length,
        valor_total_prosoluto: amount(total),
        media_prosoluto: amount(average(total, withProsoluto.length)),
        percentual_prosoluto_sobre_venda: amount(percentage(total, totalOf(mine))),
      };
    }),
};
