import { type Publication, publicationTag } from "../publication.ts";
import type { Snapshot } from "../read-published.ts";
import { type DashboardRequest, type Filters, firstRequest } from "./filters.ts";
import { createPageCache, type PageCache } from "./page-cache.ts";
import { type Choices, readChoices } from "./read-choices.ts";
import { type GroupedSales, readGroupedSales, type SalesGroup } from "./read-grouped-sales.ts";
import { type Rankings, readRankings } from "./read-rankings.ts";
import {
  type Offer,
  readOffer,
  type SalesSums,
  sumAll,
  sumSales,
  sumWithin,
} from "./read-sales.ts";
import { readTable, type SalesTable } from "./read-table.ts";
import { readUnclassified, type Unclassified } from "./read-unclassified.ts";
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
  readonly grouped: PageCache<GroupedSales>;
  readonly sums: PageCache<Sums>;
};

type Sums = Pick<Dashboard, "sales" | "rankings" | "total">;

/** A memory of nothing. */
export function createDashboardMemory(): DashboardMemory {
  return {
    choices: createPageCache(),
    unclassified: createPageCache(),
    offers: createPageCache(),
    grouped: createPageCache(),
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
    JSON.stringify([publicationTag(publication), hoje, scope, ...parts]);
  const stretches = await readStretches(snapshot, filters);
  const group = (of: Filters, within: Stretches) =>
    memory.grouped.get(keyOf(of), () => readGroupedSales(snapshot, of, within));
  const grouped = await group(filters, stretches);
  const sums = await memory.sums.get(keyOf(filters), async () => {
    const offer = await memory.offers.get(keyOf(conta, empreendimento), () =>
      readOffer(snapshot, filters),
    );
    return {
      sales: sumSales(grouped, stretches, offer),
      rankings: await readRankings(snapshot, filters, { grouped, stretch: stretches.ranked }),
      total: stretches.hasPeriod ? undefined : totalOf(grouped),
    };
  });
  const choices = await memory.choices.get(keyOf(conta), async () => {
    const account: Filters = { ...firstRequest.filters, conta };
    const all = await group(account, await readStretches(snapshot, account));
    return readChoices(snapshot, { conta }, all);
  });
  return {
    ...sums,
    publication,
    hoje,
    request,
    stretches,
    choices,
    table: await readTable(
      snapshot,
      { filters, table, stretch: stretches.listed, seesClients },
      sumWithin(grouped, stretches.listed),
    ),
    unclassified: await memory.unclassified.get(keyOf(conta), () =>
      readUnclassified(snapshot, { conta }),
    ),
  };
}

/** All standing sales up to today, by the definitions of /api/kpis. */
function totalOf(grouped: GroupedSales): Totals {
  const { vendas, valor, comissoes } = sumAll(grouped);
  const count = (groups: readonly SalesGroup[]) => groups.filter(({ id }) => id !== "").length;
  return {
    vendas,
    valor,
    ticketMedio: vendas === 0 ? null : Math.round((100 * valor) / vendas) / 100,
    comissoes,
    empreendimentos: count(grouped.empreendimentos),
    corretores: count(grouped.corretores),
  };
}
