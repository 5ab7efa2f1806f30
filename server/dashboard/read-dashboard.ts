import { sql } from "../../extract/query.ts";
import type { Publication } from "../publication.ts";
import type { Snapshot } from "../read-published.ts";
import type { DashboardRequest, Filters } from "./filters.ts";
import { type Choices, readChoices } from "./read-choices.ts";
import { type Rankings, readRankings } from "./read-rankings.ts";
import { readSales, type SalesSums } from "./read-sales.ts";
import { readTable, type SalesTable } from "./read-table.ts";
import { readUnclassified, type Unclassified } from "./read-unclassified.ts";
import { selectRecords } from "./records.ts";
import { salesCondition } from "./sales-scope.ts";
import { readStretches, type Stretches } from "./stretches.ts";

/** Everything the dashboard shows; money in reais, percentages in percent. */
export type Dashboard = {
  readonly publication: Publication;
  /** YYYY-MM-DD */
  readonly hoje: string;
  readonly request: DashboardRequest;
  readonly stretches: Stretches;
  readonly choices: Choices;
  readonly sales: SalesSums;
  readonly rankings: Rankings;
  /** All sales up to today; undefined when a period is chosen. */
  readonly total: Totals | undefined;
  readonly table: SalesTable;
  readonly unclassified: readonly Unclassified[];
};

export type Totals = {
  readonly vendas: number;
  readonly valor: number;
  readonly ticketMedio: number | null;
  readonly comissoes: number;
  readonly empreendimentos: number;
  readonly corretores: number;
};

/** Reads the dashboard: sums over accounts are summed, averages and percentages made anew. */
export async function readDashboard(
  snapshot: Snapshot,
  request: DashboardRequest,
  options: { readonly seesClients: boolean },
): Promise<Dashboard> {
  const { filters, table } = request;
  const stretches = await readStretches(snapshot, filters);
  return {
    publication: snapshot.publication,
    hoje: snapshot.hoje,
    request,
    stretches,
    choices: await readChoices(snapshot, filters),
    sales: await readSales(snapshot, filters, stretches),
    rankings: await readRankings(snapshot, filters, stretches.ranked),
    total: stretches.hasPeriod ? undefined : await readTotals(snapshot, filters),
    table: await readTable(snapshot, {
      filters,
      table,
      stretch: stretches.listed,
      seesClients: options.seesClients,
    }),
    unclassified: await readUnclassified(snapshot, filters),
  };
}

/** All standing sales up to today. Grouped first: count(distinct) would sort every sale. */
async function readTotals(snapshot: Snapshot, filters: Filters): Promise<Totals> {
  const always = { de: "-infinity", ate: snapshot.hoje };
  const [row] = await selectRecords(
    snapshot,
    sql`
      with grupos as (
          select
              conta,
              empreendimento_id,
              corretor_id,
              count(*) as vendas,
              sum(valor) as valor,
              sum(comissao_valor) as comissoes
          from marts.vendas
          where ${salesCondition(filters, always)}
          group by conta, empreendimento_id, corretor_id
      )

      select
          coalesce(sum(vendas), 0) as vendas,
          coalesce(sum(valor), 0) as valor,
          (sum(valor) / nullif(sum(vendas), 0))::numeric(15, 2) as ticket_medio,
          coalesce(sum(comissoes), 0) as comissoes,
          count(distinct (conta, empreendimento_id))
              filter (where empreendimento_id is not null) as empreendimentos,
          count(distinct (conta, corretor_id))
              filter (where corretor_id is not null) as corretores
      from grupos`,
  );
  return {
    vendas: row?.number("vendas") ?? 0,
    valor: row?.number("valor") ?? 0,
    ticketMedio: row?.maybe("ticket_medio") ?? null,
    comissoes: row?.number("comissoes") ?? 0,
    empreendimentos: row?.number("empreendimentos") ?? 0,
    corretores: row?.number("corretores") ?? 0,
  };
}
