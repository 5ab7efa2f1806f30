import { type SQLQuery, sql } from "../extract/query.ts";
import { visibleAccountText } from "../runner/models/access.ts";

/** An address and what it selects. */
export type KpiRoute = {
  readonly path: string;
  /** One object instead of a list of rows. */
  readonly single: boolean;
  /** The view that it shows, and in which order. */
  readonly view?: { readonly name: string; readonly order: SQLQuery };
  /** The rows of one account, or of all that are visible, in a fixed order. */
  select(conta: string | undefined): SQLQuery;
};

/** Every address that shows a KPI. */
export const kpiRoutes: readonly KpiRoute[] = [
  { path: "/api/kpis", single: true, select: selectKpis },
  viewRoute("/api/vendas-mensais", "vw_vendas_mensais", sql`conta, mes`),
  viewRoute(
    "/api/vendas-empreendimentos",
    "vw_vendas_por_empreendimento",
    sql`valor_total_vendas desc, conta, cvcrm_id`,
  ),
  viewRoute(
    "/api/vendas-corretores",
    "vw_vendas_por_corretor",
    sql`valor_total_vendas desc, conta, corretor_id`,
  ),
  viewRoute(
    "/api/vendas-times",
    "vw_vendas_por_time",
    sql`valor_total_vendas desc, conta, time_corretor`,
  ),
  viewRoute("/api/vso-mensal", "vw_vso_mensal", sql`conta, mes`),
  viewRoute("/api/prosoluto", "vw_prosoluto_analise", sql`conta, mes`),
  viewRoute(
    "/api/tabela-geral-vendas",
    "vw_tabela_geral_vendas",
    sql`data_venda desc, conta, cvcrm_id`,
  ),
  viewRoute("/api/comparacao-anual", "vw_vendas_ano_atual_vs_passado", sql`conta, ano desc`),
];

function viewRoute(path: string, view: string, order: SQLQuery): KpiRoute {
  return {
    path,
    single: false,
    view: { name: view, order },
    select: (conta) => {
      const where = conta === undefined ? sql`` : sql`where conta = ${conta}`;
      return sql`select * from ${sql.ident("marts", view)} ${where} order by ${order}`;
    },
  };
}

/**
 * All standing sales up to today. As in the views, one without a valor counts in the average as 0.
 * The tables' owner is exempt from row-level access, so it is repeated here.
 */
export function selectKpis(conta: string | undefined): SQLQuery {
  const narrowed = conta === undefined ? sql`` : sql`and conta = ${conta}`;
  return sql`
    select
        count(*)::integer as quantidade_vendas,
        coalesce(sum(valor), 0)::numeric(18, 2) as valor_total,
        (sum(valor) / nullif(count(*), 0))::numeric(15, 2) as ticket_medio,
        coalesce(sum(comissao_valor), 0)::numeric(18, 2) as total_comissoes,
        count(distinct (conta, empreendimento_id))
            filter (where empreendimento_id is not null)::integer as empreendimentos,
        count(distinct (conta, corretor_id))
            filter (where corretor_id is not null)::integer as corretores
    from marts.vendas
    where data_venda <= elt.hoje()
        and (${sql.__dangerous__rawValue(visibleAccountText)})
        ${narrowed}`;
}
