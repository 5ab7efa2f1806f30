import { sql } from "../../extract/query.ts";
import type { Snapshot } from "../read-published.ts";
import type { Filters } from "./filters.ts";
import { type Row, selectRecords } from "./records.ts";
import { salesCondition } from "./sales-scope.ts";
import type { Stretch, Stretches } from "./stretches.ts";

/** Everything that the page counts of the sales of some filters, from one reading of them. */
export type GroupedSales = {
  /** Sales of the days from `de` until the next piece begins; no stretch begins or ends within one. */
  readonly pieces: readonly SalesPiece[];
  /** Who sold, largest value in the ranked days first, then by account and id. */
  readonly empreendimentos: readonly SalesGroup[];
  readonly corretores: readonly SalesGroup[];
  readonly times: readonly SalesGroup[];
};

/** Money in reais. */
export type SalesPiece = {
  /** First day, YYYY-MM-DD; empty for what is before all stretches. */
  readonly de: string;
  readonly vendas: number;
  readonly valor: number;
  readonly comissoes: number;
  readonly comUnidade: number;
  readonly comProsoluto: number;
  readonly prosoluto: number;
};

export type SalesGroup = {
  readonly conta: string;
  /** Number of the development or broker; a team's name. Empty where a sale has none. */
  readonly id: string;
  /** Of all days that were read. */
  readonly valor: number;
  /** In the ranked days. */
  readonly ranked: {
    readonly vendas: number;
    readonly valor: number;
    readonly ticketMedio: number | null;
  };
};

/** Which columns a row is grouped by, as PostgreSQL's grouping() tells it. */
const levels = { pieces: "7", empreendimentos: "11", corretores: "13", times: "14" } as const;

/**
 * Reads the sales of some filters once: grouped as finely as the page needs, and those groups, few
 * beside the sales, once more for each of its parts. Without a period all sales up to today are
 * read, with one those of the stretches.
 */
export async function readGroupedSales(
  snapshot: Snapshot,
  filters: Filters,
  stretches: Stretches,
): Promise<GroupedSales> {
  const read = stretches.hasPeriod
    ? around(stretchesOf(stretches))
    : { de: "-infinity", ate: snapshot.hoje };
  const cuts = cutsOf(stretches);
  const first = cuts.indexOf(stretches.ranked.de) + 1;
  const last = cuts.indexOf(dayAfter(stretches.ranked.ate));
  const ranked = sql`filter (where trecho between ${first}::integer and ${last}::integer)`;
  const rows = await selectRecords(
    snapshot,
    sql`
      with por_trecho as (
          select
              width_bucket(data_venda, ${cuts}::date[]) as trecho,
              conta,
              empreendimento_id,
              corretor_id,
              coalesce(time_corretor, 'Sem Time') as time,
              count(*) as vendas,
              sum(valor) as valor,
              sum(comissao_valor) as comissoes,
              count(unidade_id) as com_unidade,
              count(*) filter (where valor_prosoluto > 0) as com_prosoluto,
              sum(valor_prosoluto) filter (where valor_prosoluto > 0) as prosoluto
          from marts.vendas
          where ${salesCondition(filters, read)}
          -- By place: the days of the pieces are parameters, and no two of those are equal.
          group by 1, 2, 3, 4, 5
      )

      select
          grouping(trecho, empreendimento_id, corretor_id, time) as nivel,
          trecho,
          conta,
          coalesce(empreendimento_id::text, corretor_id::text, time) as id,
          sum(vendas) as vendas,
          sum(valor) as valor,
          sum(comissoes) as comissoes,
          sum(com_unidade) as com_unidade,
          sum(com_prosoluto) as com_prosoluto,
          sum(prosoluto) as prosoluto,
          sum(vendas) ${ranked} as ranked_vendas,
          sum(valor) ${ranked} as ranked_valor,
          (sum(valor) ${ranked} / nullif(sum(vendas) ${ranked}, 0))::numeric(15, 2)
              as ranked_ticket_medio
      from por_trecho
      group by grouping sets (
          (trecho), (conta, empreendimento_id), (conta, corretor_id), (conta, time)
      )
      order by
          coalesce(sum(valor) ${ranked}, 0) desc,
          conta,
          empreendimento_id,
          corretor_id,
          time`,
  );
  const level = (name: keyof typeof levels) =>
    rows.filter((row) => row.text("nivel") === levels[name]);
  return {
    pieces: level("pieces").map((row) => pieceOf(row, cuts)),
    empreendimentos: level("empreendimentos").map(groupOf),
    corretores: level("corretores").map(groupOf),
    times: level("times").map(groupOf),
  };
}

function pieceOf(row: Row, cuts: readonly string[]): SalesPiece {
  return {
    de: cuts[row.number("trecho") - 1] ?? "",
    vendas: row.number("vendas"),
    valor: row.number("valor"),
    comissoes: row.number("comissoes"),
    comUnidade: row.number("com_unidade"),
    comProsoluto: row.number("com_prosoluto"),
    prosoluto: row.number("prosoluto"),
  };
}

function groupOf(row: Row): SalesGroup {
  return {
    conta: row.text("conta"),
    id: row.text("id"),
    valor: row.number("valor"),
    ranked: {
      vendas: row.number("ranked_vendas"),
      valor: row.number("ranked_valor"),
      ticketMedio: row.maybe("ranked_ticket_medio"),
    },
  };
}

/** First days of all pieces: where a stretch or a month begins, and the day after each end. */
function cutsOf(stretches: Stretches): readonly string[] {
  const months = [...stretches.months, ...stretches.vsoMonths];
  const days = [
    ...stretchesOf(stretches).flatMap(({ de, ate }) => [de, dayAfter(ate)]),
    ...months.flatMap((mes) => [mes, monthAfter(mes)]),
    ...stretches.months.flatMap((mes) => [yearBefore(mes), monthAfter(yearBefore(mes))]),
  ];
  return [...new Set(days)].sort();
}

function stretchesOf(stretches: Stretches): readonly Stretch[] {
  const { compared, comparedBefore, monthly, monthlyBefore, vso, ranked, listed } = stretches;
  return [compared, comparedBefore, monthly, monthlyBefore, vso, ranked, listed];
}

function around(stretches: readonly Stretch[]): Stretch {
  return {
    de: stretches.map(({ de }) => de).reduce((a, b) => (a < b ? a : b)),
    ate: stretches.map(({ ate }) => ate).reduce((a, b) => (a > b ? a : b)),
  };
}

/** The same month a year earlier. */
export function yearBefore(mes: string): string {
  return `${Number(mes.slice(0, 4)) - 1}${mes.slice(4)}`;
}

/** First day of the next month. */
export function monthAfter(mes: string): string {
  const [year = 0, month = 1] = mes.split("-").map(Number);
  return new Date(Date.UTC(year, month, 1)).toISOString().slice(0, 10);
}

function dayAfter(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}
