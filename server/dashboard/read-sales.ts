import { sql } from "../../extract/query.ts";
import type { Snapshot } from "../read-published.ts";
import type { Filters } from "./filters.ts";
import { type Row, selectRecords } from "./records.ts";
import { salesCondition, unitsCondition } from "./sales-scope.ts";
import type { Stretch, Stretches } from "./stretches.ts";

/** Sales of some days; money in reais. */
export type Sum = {
  readonly vendas: number;
  readonly valor: number;
  readonly comissoes: number;
};

export type SalesSums = {
  readonly compared: Sum;
  readonly comparedBefore: Sum;
  /** One for each month shown. */
  readonly months: readonly SalesMonth[];
  readonly vso: readonly VsoMonth[];
};

export type SalesMonth = {
  /** First day, YYYY-MM-DD. */
  readonly mes: string;
  readonly vendas: number;
  readonly valor: number;
  /** The same month a year earlier. */
  readonly vendasBefore: number;
  readonly valorBefore: number;
};

export type VsoMonth = {
  readonly mes: string;
  readonly vendas: number;
  readonly valor: number;
  readonly oferta: number;
  /** null: nothing was on offer. */
  readonly percentual: number | null;
  readonly prosoluto: number;
  readonly comProsoluto: number;
  /** Pró-soluto over the value of all sales of the month; null without value. */
  readonly percentualProsoluto: number | null;
};

/**
 * Sums of `marts.vendas` by month, in one pass for all the stretches that the page compares, with
 * the definitions of the views vw_vendas_ano_atual_vs_passado, vw_vendas_mensais, vw_vso_mensal and
 * vw_prosoluto_analise.
 */
export async function readSales(
  snapshot: Snapshot,
  filters: Filters,
  stretches: Stretches,
  offer: Offer,
): Promise<SalesSums> {
  const parts: readonly (readonly [string, Stretch])[] = [
    ["compared", stretches.compared],
    ["compared_before", stretches.comparedBefore],
    ["monthly", stretches.monthly],
    ["monthly_before", stretches.monthlyBefore],
    ["vso", stretches.vso],
  ];
  const sums = parts.map(([name, { de, ate }]) => {
    const within = sql`filter (where data_venda >= ${de}::date and data_venda <= ${ate}::date)`;
    const column = (what: string) => sql.ident(`${name}_${what}`);
    return sql`
        count(*) ${within} as ${column("vendas")},
        sum(valor) ${within} as ${column("valor")},
        sum(comissao_valor) ${within} as ${column("comissoes")}`;
  });
  const { vso } = stretches;
  const inVso = sql`data_venda >= ${vso.de}::date and data_venda <= ${vso.ate}::date`;
  const rows = await selectRecords(
    snapshot,
    sql`
      select
          date_trunc('month', data_venda::timestamp)::date::text as mes,
          ${sql.join(sums, ",")},
          count(unidade_id) filter (where ${inVso}) as com_unidade,
          count(*) filter (where ${inVso} and valor_prosoluto > 0) as com_prosoluto,
          sum(valor_prosoluto) filter (where ${inVso} and valor_prosoluto > 0) as prosoluto
      from marts.vendas
      where ${salesCondition(filters, around(parts.map(([, stretch]) => stretch)))}
      group by date_trunc('month', data_venda::timestamp)::date`,
  );
  const byMonth = new Map(rows.map((row) => [row.text("mes"), row]));
  return {
    compared: sumOf(rows, "compared"),
    comparedBefore: sumOf(rows, "compared_before"),
    months: stretches.months.map((mes) => {
      const now = byMonth.get(mes);
      const before = byMonth.get(yearBefore(mes));
      return {
        mes,
        vendas: now?.number("monthly_vendas") ?? 0,
        valor: now?.number("monthly_valor") ?? 0,
        vendasBefore: before?.number("monthly_before_vendas") ?? 0,
        valorBefore: before?.number("monthly_before_valor") ?? 0,
      };
    }),
    vso: stretches.vsoMonths.map((mes) => {
      const row = byMonth.get(mes);
      const oferta = offer(mes);
      const valor = row?.number("vso_valor") ?? 0;
      const prosoluto = row?.number("prosoluto") ?? 0;
      return {
        mes,
        vendas: row?.number("vso_vendas") ?? 0,
        valor,
        oferta,
        percentual: oferta > 0 ? (100 * (row?.number("com_unidade") ?? 0)) / oferta : null,
        prosoluto,
        comProsoluto: row?.number("com_prosoluto") ?? 0,
        percentualProsoluto: valor === 0 ? null : (100 * prosoluto) / valor,
      };
    }),
  };
}

function around(stretches: readonly Stretch[]): Stretch {
  return {
    de: stretches.map(({ de }) => de).reduce((a, b) => (a < b ? a : b)),
    ate: stretches.map(({ ate }) => ate).reduce((a, b) => (a > b ? a : b)),
  };
}

function sumOf(rows: readonly Row[], name: string): Sum {
  const total = (what: string) => rows.reduce((sum, row) => sum + row.number(`${name}_${what}`), 0);
  return { vendas: total("vendas"), valor: total("valor"), comissoes: total("comissoes") };
}

function yearBefore(mes: string): string {
  return `${Number(mes.slice(0, 4)) - 1}${mes.slice(4)}`;
}

/** Units on offer at the start of a month, its first day. */
export type Offer = (mes: string) => number;

/** Neither blocked nor sold before a month's first day: on offer in that month. */
export async function readOffer(snapshot: Snapshot, filters: Filters): Promise<Offer> {
  const rows = await selectRecords(
    snapshot,
    sql`
      select
          date_trunc('month', primeira_venda::timestamp)::date::text as mes,
          count(*) as unidades
      from marts.unidades
      where ${unitsCondition(filters)} and situacao_codigo is distinct from 4
      group by date_trunc('month', primeira_venda::timestamp)::date`,
  );
  const leaving = rows.map((row) => ({ mes: row.text("mes"), unidades: row.number("unidades") }));
  return (mes) =>
    leaving.reduce(
      (sum, each) => (each.mes === "" || each.mes >= mes ? sum + each.unidades : sum),
      0,
    );
}
