import { sql } from "../../extract/query.ts";
import type { Publication } from "../publication.ts";
import type { Snapshot } from "../read-published.ts";
import type { DashboardRequest, Filters } from "./filters.ts";
import { createPageCache, type PageCache } from "./page-cache.ts";
import { type Choices, readChoices } from "./read-choices.ts";
import { type Rankings, readRankings } from "./read-rankings.ts";
import { type Offer, readOffer, readSales, type SalesSums } from "./read-sales.ts";
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

/** Parts that other filters, searches and pages of the table share, by publication. */
export type DashboardMemory = {
  readonly choices: PageCache<Choices>;
  readonly unclassified: PageCache<readonly Unclassified[]>;
  readonly offers: PageCache<Offer>;
  readonly sums: PageCache<Sums>;
};

type Sums = Pick<Dashboard, "sales" | "rankings" | "total">;

/** A memory of nothing. */
export function createDashboardMemory(): DashboardMemory {
  return {
    choices: createPageCache(),
    unclassified: createPageCache(),
    offers: createPageCache(),
    sums: createPageCache(),
  };
}

export type DashboardOptions = {
  /** Clients' names in clear. */
  readonly seesClients: boolean;
  readonly memory: DashboardMemory;
  /** Tells readers apart who may see other rows. */
  readonly scope: string;
};

/** Reads the dashboard: sums over accounts are summed, averages and percentages made anew. */
export async function readDashboard(
  snapshot: Snapshot,
  request: DashboardRequest,
  { seesClients, memory, scope }: DashboardOptions,
): Promise<Dashboard> {
  const { filters, table } = request;
  const { conta, empreendimento } = filters;
  const { publication, hoje } = snapshot;
  const keyOf = (...parts: readonly unknown[]) =>
    JSON.stringify([publication.id, hoje, scope, ...parts]);
  const stretches = await readStretches(snapshot, filters);
  const sums = await memory.sums.get(keyOf(filters), async () => {
    const offer = await memory.offers.get(keyOf(conta, empreendimento), () =>
      readOffer(snapshot, filters),
    );
    return {
      sales: await readSales(snapshot, filters, stretches, offer),
      rankings: await readRankings(snapshot, filters, stretches.ranked),
      total: stretches.hasPeriod ? undefined : await readTotals(snapshot, filters),
    };
  });
  return {
    ...sums,
    publication,
    hoje,
    request,
    stretches,
    choices: await memory.choices.get(keyOf(conta), () => readChoices(snapshot, { conta })),
    table: await readTable(snapshot, { filters, table, stretch: stretches.listed, seesClients }),
    unclassified: await memory.unclassified.get(keyOf(conta), () =>
      readUnclassified(snapshot, { conta }),
    ),
  };
}

/**
 * All standing sales up to today, by the definitions of /api/kpis. Developments and brokers are
 * counted from distinct ones: count(distinct) would sort every sale.
 */
async function readTotals(snapshot: Snapshot, filters: Filters): Promise<Totals> {
  const counts = salesCondition(filters, { de: "-infinity", ate: snapshot.hoje });
  const distinct = (column: string) => sql`
    select count(*)
    from (
        select distinct conta, ${sql.ident(column)}
        from marts.vendas
        where ${counts} and ${sql.ident(column)} is not null
    ) as diferentes`;
  const [row] = await selectRecords(
    snapshot,
    sql`
      select
          count(*) as vendas,
          coalesce(sum(valor), 0) as valor,
          (sum(valor) / nullif(count(*), 0))::numeric(15, 2) as ticket_medio,
          coalesce(sum(comissao_valor), 0) as comissoes,
          (${distinct("empreendimento_id")}) as empreendimentos,
          (${distinct("corretor_id")}) as corretores
      from marts.vendas
      where ${counts}`,
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
