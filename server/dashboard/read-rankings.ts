import { type SQLQuery, sql } from "../../extract/query.ts";
import type { Snapshot } from "../read-published.ts";
import type { Filters } from "./filters.ts";
import type { GroupedSales, SalesGroup } from "./read-grouped-sales.ts";
import { selectRecords } from "./records.ts";
import { salesCondition } from "./sales-scope.ts";
import type { Stretch } from "./stretches.ts";

/** One of those who sold most. */
export type Ranked = {
  readonly conta: string;
  /** Number of the development or broker; a team's name. */
  readonly id: string;
  readonly nome: string;
  /** A broker's team, else empty. */
  readonly time: string;
  readonly vendas: number;
  readonly valor: number;
  readonly ticketMedio: number | null;
};

export type Rankings = {
  readonly empreendimentos: readonly Ranked[];
  readonly corretores: readonly Ranked[];
  readonly times: readonly Ranked[];
};

const rankingLength = 8;

/**
 * Who sold most, largest value first, by the definitions of vw_vendas_por_empreendimento,
 * vw_vendas_por_corretor and vw_vendas_por_time.
 */
export async function readRankings(
  snapshot: Snapshot,
  filters: Filters,
  { grouped, stretch }: { readonly grouped: GroupedSales; readonly stretch: Stretch },
): Promise<Rankings> {
  const most = (groups: readonly SalesGroup[]) =>
    groups.filter(({ id, ranked }) => id !== "" && ranked.vendas > 0).slice(0, rankingLength);
  const rank = ({ conta, id, ranked }: SalesGroup, nome: string, time: string): Ranked => ({
    ...ranked,
    conta,
    id,
    nome,
    time,
  });
  const developments = most(grouped.empreendimentos);
  const developmentNames = await readDevelopmentNames(snapshot, developments);
  const brokers = most(grouped.corretores);
  const brokerNames = await readBrokerNames(snapshot, brokers, salesCondition(filters, stretch));
  return {
    empreendimentos: developments.map((group) =>
      rank(group, developmentNames.get(keyOf(group)) ?? "Sem nome", ""),
    ),
    corretores: brokers.map((group) => {
      const named = brokerNames.get(keyOf(group));
      return rank(group, named?.nome || "Sem nome", named?.time ?? "");
    }),
    times: most(grouped.times).map((group) => rank(group, group.id, "")),
  };
}

type Numbered = { readonly conta: string; readonly id: string };

/** Tells developments or brokers of several accounts apart. */
export function keyOf({ conta, id }: Numbered): string {
  return `${conta} ${id}`;
}

async function readDevelopmentNames(
  snapshot: Snapshot,
  developments: readonly Numbered[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await selectRecords(
    snapshot,
    sql`
      select quais.conta, quais.id, empreendimentos.empreendimento as nome
      from ${listOf(developments)}
      inner join marts.empreendimentos
          on empreendimentos.conta = quais.conta
          and empreendimentos.empreendimento_id = quais.id
      where empreendimentos.empreendimento is not null`,
  );
  return new Map(
    rows.map((row) => [keyOf({ conta: row.text("conta"), id: row.text("id") }), row.text("nome")]),
  );
}

/** Names and teams of brokers change: those of the newest of the sales that count. */
export async function readBrokerNames(
  snapshot: Snapshot,
  brokers: readonly Numbered[],
  counts: SQLQuery,
): Promise<ReadonlyMap<string, { readonly nome: string; readonly time: string }>> {
  const rows = await selectRecords(
    snapshot,
    sql`
      select quais.conta, quais.id, mais_nova.corretor as nome, mais_nova.time_corretor as time
      from ${listOf(brokers)}
      cross join lateral (
          select corretor, time_corretor
          from (select * from marts.vendas where ${counts}) as vendas
          where vendas.conta = quais.conta and vendas.corretor_id = quais.id
          order by vendas.data_venda desc, vendas.reserva_id desc
          limit 1
      ) as mais_nova`,
  );
  return new Map(
    rows.map((row) => [
      keyOf({ conta: row.text("conta"), id: row.text("id") }),
      { nome: row.text("nome"), time: row.text("time") },
    ]),
  );
}

function listOf(numbered: readonly Numbered[]): SQLQuery {
  const contas = numbered.map(({ conta }) => conta);
  const ids = numbered.map(({ id }) => id);
  return sql`unnest(${contas}::text[], ${ids}::bigint[]) as quais (conta, id)`;
}
