import { sql } from "../../extract/query.ts";
import type { Snapshot } from "../read-published.ts";
import type { Filters } from "./filters.ts";
import {
  type GroupedSales,
  monthAfter,
  type SalesPiece,
  yearBefore,
} from "./read-grouped-sales.ts";
import { selectRecords } from "./records.ts";
import { unitsCondition } from "./sales-scope.ts";
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

/** All sales of some days. */
export function sumWithin(
  { pieces }: GroupedSales,
  { de, ate }: Stretch,
  until: string = "9999-12-31",
): SalesPiece {
  return pieces
    .filter((piece) => piece.de >= de && piece.de <= ate && piece.de < until)
    .reduce(addPieces, nothing);
}

/** All sales there are. */
export function sumAll({ pieces }: GroupedSales): SalesPiece {
  return pieces.reduce(addPieces, nothing);
}

const nothing: SalesPiece = {
  de: "",
  vendas: 0,
  valor: 0,
  comissoes: 0,
  comUnidade: 0,
  comProsoluto: 0,
  prosoluto: 0,
};

function addPieces(sum: SalesPiece, piece: SalesPiece): SalesPiece {
  return {
    de: "",
    vendas: sum.vendas + piece.vendas,
    valor: sum.valor + piece.valor,
    comissoes: sum.comissoes + piece.comissoes,
    comUnidade: sum.comUnidade + piece.comUnidade,
    comProsoluto: sum.comProsoluto + piece.comProsoluto,
    prosoluto: sum.prosoluto + piece.prosoluto,
  };
}

/**
 * The sums that the page compares, with the definitions of the views vw_vendas_ano_atual_vs_passado,
 * vw_vendas_mensais, vw_vso_mensal and vw_prosoluto_analise.
 */
export function sumSales(grouped: GroupedSales, stretches: Stretches, offer: Offer): SalesSums {
  /** What of a month lies in a stretch. */
  const month = (mes: string, { de, ate }: Stretch) =>
    sumWithin(grouped, { de: de > mes ? de : mes, ate }, monthAfter(mes));
  return {
    compared: sumWithin(grouped, stretches.compared),
    comparedBefore: sumWithin(grouped, stretches.comparedBefore),
    months: stretches.months.map((mes) => {
      const now = month(mes, stretches.monthly);
      const before = month(yearBefore(mes), stretches.monthlyBefore);
      return {
        mes,
        vendas: now.vendas,
        valor: now.valor,
        vendasBefore: before.vendas,
        valorBefore: before.valor,
      };
    }),
    vso: stretches.vsoMonths.map((mes) => {
      const sum = month(mes, stretches.vso);
      const oferta = offer(mes);
      return {
        mes,
        vendas: sum.vendas,
        valor: sum.valor,
        oferta,
        percentual: oferta > 0 ? (100 * sum.comUnidade) / oferta : null,
        prosoluto: sum.prosoluto,
        comProsoluto: sum.comProsoluto,
        percentualProsoluto: sum.valor === 0 ? null : (100 * sum.prosoluto) / sum.valor,
      };
    }),
  };
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
