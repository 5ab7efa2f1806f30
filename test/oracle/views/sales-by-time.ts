import { monthsUpTo } from "../calendar.ts";
import { columnTypes } from "../column-types.ts";
import { amount } from "../relation.ts";
import { commissions, ofMonth, ticket, totalOf } from "./sale-sums.ts";
import type { View } from "./view.ts";

export const anoAtualVsPassado: View = {
  name: "vw_vendas_ano_atual_vs_passado",
  key: ["periodo"],
  columns: {
    periodo: "text",
    ano: columnTypes.count,
    quantidade_vendas: columnTypes.count,
    valor_total: columnTypes.sum,
    ticket_medio: columnTypes.average,
    total_comissoes: columnTypes.sum,
    media_comissoes: columnTypes.average,
    quantidade_mesmo_periodo: columnTypes.count,
    valor_mesmo_periodo: columnTypes.sum,
  },
  rowsOf: ({ sales, hoje }) =>
    (["Ano Atual", "Ano Passado"] as const).map((periodo, back) => {
      const ano = Number(hoje.slice(0, 4)) - back;
      const mine = sales.filter((sale) => Number(sale.dataVenda.slice(0, 4)) === ano);
      const sameStretch = mine.filter((sale) => sale.dataVenda.slice(5) <= hoje.slice(5));
      return {
        periodo,
        ano,
        quantidade_vendas: mine.length,
        valor_total: amount(totalOf(mine)),
        ticket_medio: ticket(mine),
        ...commissions(mine),
        quantidade_mesmo_periodo: sameStretch.length,
        valor_mesmo_periodo: amount(totalOf(sameStretch)),
      };
    }),
};

export const mensais: View = {
  name: "vw_vendas_mensais",
  key: ["mes"],
  columns: {
    mes: "date",
    ano: columnTypes.count,
    mes_numero: columnTypes.count,
    quantidade_vendas: columnTypes.count,
    valor_total_vendas: columnTypes.sum,
    ticket_medio: columnTypes.average,
    vgv_total: columnTypes.sum,
    total_comissoes: columnTypes.sum,
    media_comissoes: columnTypes.average,
  },
  rowsOf: ({ sales, hoje }) =>
    monthsUpTo(hoje, 24).map((mes) => {
      const mine = ofMonth(sales, mes);
      return {
        mes,
        ano: Number(mes.slice(0, 4)),
        mes_numero: Number(mes.slice(5, 7)),
        quantidade_vendas: mine.length,
        valor_total_vendas: amount(totalOf(mine)),
        ticket_medio: ticket(mine),
        vgv_total: amount(totalOf(mine)),
        ...commissions(mine),
      };
    }),
};
