import { columnTypes } from "../column-types.ts";
import { developmentsOf } from "../developments.ts";
import { groupBy } from "../group.ts";
import { amount, whole } from "../relation.ts";
import { brokers, commissions, developments, ticket, totalOf } from "./sale-sums.ts";
import type { Sale, View } from "./view.ts";

export const porEmpreendimento: View = {
  name: "vw_vendas_por_empreendimento",
  key: ["cvcrm_id"],
  columns: {
    cvcrm_id: "bigint",
    empreendimento: "text",
    quantidade_vendas: columnTypes.count,
    valor_total_vendas: columnTypes.sum,
    ticket_medio: columnTypes.average,
    vgv_total: columnTypes.sum,
    total_comissoes: columnTypes.sum,
    media_comissoes: columnTypes.average,
    total_corretores: columnTypes.count,
  },
  rowsOf: ({ facts, lastYear }) =>
    developmentsOf(facts).map(({ id, nome }) => {
      const mine = lastYear.filter((sale) => sale.empreendimentoId === id);
      return {
        cvcrm_id: whole(id),
        empreendimento: nome,
        quantidade_vendas: mine.length,
        valor_total_vendas: amount(totalOf(mine)),
        ticket_medio: ticket(mine),
        vgv_total: amount(totalOf(mine)),
        ...commissions(mine),
        total_corretores: brokers(mine),
      };
    }),
};

export const porCorretor: View = {
  name: "vw_vendas_por_corretor",
  key: ["corretor_id"],
  columns: {
    corretor: "text",
    time_corretor: "text",
    quantidade_vendas: columnTypes.count,
    valor_total_vendas: columnTypes.sum,
    ticket_medio: columnTypes.average,
    total_comissoes: columnTypes.sum,
    media_comissoes: columnTypes.average,
    empreendimentos_vendidos: columnTypes.count,
    corretor_id: "bigint",
  },
  rowsOf: ({ lastYear }) =>
    [...groupBy(lastYear, (sale) => sale.corretorId)].flatMap(([id, mine]) => {
      const newest = newestOf(mine);
      if (id === null || newest === undefined) return [];
      return [
        {
          corretor: newest.corretor,
          time_corretor: newest.time,
          quantidade_vendas: mine.length,
          valor_total_vendas: amount(totalOf(mine)),
          ticket_medio: ticket(mine),
          ...commissions(mine),
          empreendimentos_vendidos: developments(mine),
          corretor_id: whole(id),
        },
      ];
    }),
};

export const porTime: View = {
  name: "vw_vendas_por_time",
  key: ["time_corretor"],
  columns: {
    time_corretor: "text",
    quantidade_vendas: columnTypes.count,
    valor_total_vendas: columnTypes.sum,
    ticket_medio: columnTypes.average,
    total_comissoes: columnTypes.sum,
    media_comissoes: columnTypes.average,
    total_corretores: columnTypes.count,
    empreendimentos_vendidos: columnTypes.count,
  },
  rowsOf: ({ lastYear }) =>
    [...groupBy(lastYear, (sale) => sale.time ?? "Sem Time")].map(([time, mine]) => ({
      time_corretor: time,
      quantidade_vendas: mine.length,
      valor_total_vendas: amount(totalOf(mine)),
      ticket_medio: ticket(mine),
      ...commissions(mine),
      total_corretores: brokers(mine),
      empreendimentos_vendidos: developments(mine),
    })),
};

/** The sale of the latest day; of two on that day, the one with the higher id. */
function newestOf(sales: readonly Sale[]): Sale | undefined {
  const [newest] = sales.toSorted((a, b) => {
    if (a.dataVenda !== b.dataVenda) return a.dataVenda < b.dataVenda ? 1 : -1;
    return a.id < b.id ? 1 : -1;
  });
  return newest;
}
