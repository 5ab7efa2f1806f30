import { type SQLQuery, sql } from "../../extract/query.ts";
import type { Snapshot } from "../read-published.ts";
import type { Filters } from "./filters.ts";
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
  stretch: Stretch,
): Promise<Rankings> {
  const counts = salesCondition(filters, stretch);
  const ranked = async (statement: SQLQuery): Promise<readonly Ranked[]> => {
    const rows = await selectRecords(snapshot, statement);
    return rows.map((row) => ({
      conta: row.text("conta"),
      id: row.text("id"),
      nome: row.text("nome"),
      time: row.text("time"),
      vendas: row.number("vendas"),
      valor: row.number("valor"),
      ticketMedio: row.maybe("ticket_medio"),
    }));
  };
  const most = (id: SQLQuery, condition: SQLQuery) => sql`
    select
        conta,
        ${id} as id,
        count(*) as vendas,
        coalesce(sum(valor), 0) as valor,
        (sum(valor) / count(*))::numeric(15, 2) as ticket_medio
    from marts.vendas
    where ${counts} and ${condition}
    group by conta, ${id}
    order by coalesce(sum(valor), 0) desc, conta, ${id}
    limit ${rankingLength}::integer`;
  const empreendimentos = await ranked(sql`
    select
        mais.conta,
        mais.id,
        coalesce(empreendimentos.empreendimento, 'Sem nome') as nome,
        '' as time,
        mais.vendas,
        mais.valor,
        mais.ticket_medio
    from (${most(sql`empreendimento_id`, sql`empreendimento_id is not null`)}) as mais
    left join marts.empreendimentos
        on empreendimentos.conta = mais.conta
        and empreendimentos.empreendimento_id = mais.id
    order by mais.valor desc, mais.conta, mais.id`);
  // Names and teams change; those of the newest sale count.
  const corretores = await ranked(sql`
    with mais as materialized (${most(sql`corretor_id`, sql`corretor_id is not null`)}),

    mais_novas as (
        select distinct on (conta, corretor_id)
            conta,
            corretor_id,
            corretor,
            time_corretor
        from marts.vendas
        where ${counts} and (conta, corretor_id) in (select mais.conta, mais.id from mais)
        order by conta, corretor_id, data_venda desc, reserva_id desc
    )

    select
        mais.conta,
        mais.id,
        coalesce(mais_novas.corretor, 'Sem nome') as nome,
        mais_novas.time_corretor as time,
        mais.vendas,
        mais.valor,
        mais.ticket_medio
    from mais
    inner join mais_novas
        on mais_novas.conta = mais.conta
        and mais_novas.corretor_id = mais.id
    order by mais.valor desc, mais.conta, mais.id`);
  const times = await ranked(sql`
    select mais.*, mais.id as nome, '' as time
    from (${most(sql`coalesce(time_corretor, 'Sem Time')`, sql`true`)}) as mais
    order by mais.valor desc, mais.conta, mais.id`);
  return { empreendimentos, corretores, times };
}
