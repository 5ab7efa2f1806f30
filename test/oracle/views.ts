import type { AccountFacts } from "./account.ts";
import { addMonths, monthOf, monthsUpTo } from "./calendar.ts";
import { average, fitting, type Hundredths, percentage, sum } from "./decimal.ts";
import { developmentsOf } from "./developments.ts";
import { groupBy } from "./group.ts";
import { amount, type Cell, type OracleRelation, row, whole } from "./relation.ts";
import type { Venda } from "./reservas.ts";

const count = "integer";
const sums = "numeric(18,2)";
const averages = "numeric(15,2)";
const percent = "numeric(7,2)";
const money = "numeric(15,2)";

/** A standing sale dated up to hoje, with what the views add up. */
type Sale = Venda & {
  readonly comissao: Hundredths;
  readonly hasComissao: boolean;
  readonly prosoluto: Hundredths;
};

/** What every view is computed from: one account on one day. */
type Ground = {
  readonly facts: AccountFacts;
  readonly hoje: string;
  readonly sales: readonly Sale[];
  readonly lastYear: readonly Sale[];
};

/** The eight views of some accounts as of a day. Accounts without reservations have no rows. */
export function expectedViews(
  accounts: readonly AccountFacts[],
  hoje: string,
): readonly OracleRelation[] {
  const grounds = accounts
    .filter((facts) => facts.reservas.length > 0)
    .map((facts) => ground(facts, hoje));
  return [
    anoAtualVsPassado,
    mensais,
    porEmpreendimento,
    porCorretor,
    porTime,
    vsoMensal,
    prosolutoAnalise,
    tabelaGeral,
  ].map((view) => {
    const { name, key, columns, rowsOf } = view;
    const rows = grounds.flatMap((each) =>
      rowsOf(each).map((cells) => row({ ...cells, conta: each.facts.conta })),
    );
    return { name, key: [...key, "conta"], columns: { ...columns, conta: "text" }, rows };
  });
}

type View = {
  readonly name: string;
  readonly key: readonly string[];
  readonly columns: { readonly [column: string]: string };
  readonly rowsOf: (ground: Ground) => readonly { readonly [column: string]: Cell }[];
};

function ground(facts: AccountFacts, hoje: string): Ground {
  const sales = facts.vendas
    .filter((venda) => venda.dataVenda <= hoje)
    .map((venda): Sale => {
      const commission = facts.commissionOf(venda);
      return {
        ...venda,
        comissao: commission.valor,
        hasComissao: commission.any,
        prosoluto: facts.valoresOf(venda).prosoluto,
      };
    });
  const since = addMonths(hoje, -12);
  return { facts, hoje, sales, lastYear: sales.filter((sale) => sale.dataVenda >= since) };
}

const totalOf = (sales: readonly Sale[]) => sum(sales.map((sale) => sale.valor));

/** Values over sales; sales that all lack a value have no average. */
function ticket(sales: readonly Sale[]): Cell {
  return amount(averageValue(sales, sales.length));
}

function averageValue(sales: readonly Sale[], count: number): Hundredths | null {
  if (sales.every((sale) => sale.valor === null)) return null;
  const value = average(totalOf(sales), count);
  return value === null ? null : fitting(value, 15);
}

function commissions(sales: readonly Sale[]): { readonly [column: string]: Cell } {
  const total = sum(sales.map((sale) => sale.comissao));
  const paid = sales.filter((sale) => sale.hasComissao).length;
  return { total_comissoes: amount(total), media_comissoes: amount(average(total, paid)) };
}

function distinct(values: readonly (bigint | null)[]): number {
  return new Set(values.filter((value) => value !== null)).size;
}

const developments = (sales: readonly Sale[]) => distinct(sales.map((s) => s.empreendimentoId));
const brokers = (sales: readonly Sale[]) => distinct(sales.map((sale) => sale.corretorId));

const anoAtualVsPassado: View = {
  name: "vw_vendas_ano_atual_vs_passado",
  key: ["periodo"],
  columns: {
    periodo: "text",
    ano: count,
    quantidade_vendas: count,
    valor_total: sums,
    ticket_medio: averages,
    total_comissoes: sums,
    media_comissoes: averages,
    quantidade_mesmo_periodo: count,
    valor_mesmo_periodo: sums,
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

const mensais: View = {
  name: "vw_vendas_mensais",
  key: ["mes"],
  columns: {
    mes: "date",
    ano: count,
    mes_numero: count,
    quantidade_vendas: count,
    valor_total_vendas: sums,
    ticket_medio: averages,
    vgv_total: sums,
    total_comissoes: sums,
    media_comissoes: averages,
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

const porEmpreendimento: View = {
  name: "vw_vendas_por_empreendimento",
  key: ["cvcrm_id"],
  columns: {
    cvcrm_id: "bigint",
    empreendimento: "text",
    quantidade_vendas: count,
    valor_total_vendas: sums,
    ticket_medio: averages,
    vgv_total: sums,
    total_comissoes: sums,
    media_comissoes: averages,
    total_corretores: count,
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

const porCorretor: View = {
  name: "vw_vendas_por_corretor",
  key: ["corretor_id"],
  columns: {
    corretor: "text",
    time_corretor: "text",
    quantidade_vendas: count,
    valor_total_vendas: sums,
    ticket_medio: averages,
    total_comissoes: sums,
    media_comissoes: averages,
    empreendimentos_vendidos: count,
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

const porTime: View = {
  name: "vw_vendas_por_time",
  key: ["time_corretor"],
  columns: {
    time_corretor: "text",
    quantidade_vendas: count,
    valor_total_vendas: sums,
    ticket_medio: averages,
    total_comissoes: sums,
    media_comissoes: averages,
    total_corretores: count,
    empreendimentos_vendidos: count,
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

const vsoMensal: View = {
  name: "vw_vso_mensal",
  key: ["mes"],
  columns: {
    mes: "date",
    quantidade_vendas: count,
    vso_valor: sums,
    vso_ticket_medio: averages,
    vso_por_empreendimento: averages,
    oferta: count,
    vso_percentual: percent,
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

const prosolutoAnalise: View = {
  name: "vw_prosoluto_analise",
  key: ["mes"],
  columns: {
    mes: "date",
    quantidade_prosoluto: count,
    valor_total_prosoluto: sums,
    media_prosoluto: averages,
    percentual_prosoluto_sobre_venda: percent,
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

const tabelaGeral: View = {
  name: "vw_tabela_geral_vendas",
  key: ["cvcrm_id"],
  columns: {
    cvcrm_id: "bigint",
    empreendimento: "text",
    corretor: "text",
    time_corretor: "text",
    cliente: "text",
    data_venda: "date",
    valor: money,
    valor_financiamento: money,
    valor_entrada: money,
    numero_parcelas: count,
    vgv: money,
    comissao_valor: money,
    valor_prosoluto: money,
    percentual_prosoluto: percent,
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

function ofMonth(sales: readonly Sale[], mes: string): readonly Sale[] {
  return sales.filter((sale) => monthOf(sale.dataVenda) === mes);
}

/** The sale of the latest day; of two on that day, the one with the higher id. */
function newestOf(sales: readonly Sale[]): Sale | undefined {
  const [newest] = sales.toSorted((a, b) => {
    if (a.dataVenda !== b.dataVenda) return a.dataVenda < b.dataVenda ? 1 : -1;
    return a.id < b.id ? 1 : -1;
  });
  return newest;
}

/** How a client's name is shown to those who may not see it: "Maria da Silva" → "M. d. S.". */
function initials(name: string | null): string | null {
  return name === null ? null : name.replace(/(\S)\S*\s*/gu, "$1. ").trim();
}
