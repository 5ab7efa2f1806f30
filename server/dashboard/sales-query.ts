import { type SQLQuery, sql } from "../../extract/query.ts";
import type { Filters, SortColumn, TableView } from "./filters.ts";
import { salesCondition } from "./sales-scope.ts";
import type { Stretch } from "./stretches.ts";

/** Whose rows the table shows, and to whom. */
export type SalesQuery = {
  readonly filters: Filters;
  readonly table: TableView;
  readonly stretch: Stretch;
  /** Clients' names in clear, in the rows and for the search; otherwise initials, not searched. */
  readonly seesClients: boolean;
};

const sortExpressions: Readonly<Record<SortColumn, SQLQuery>> = {
  data: sql`vendas.data_venda`,
  reserva: sql`vendas.reserva_id`,
  empreendimento: sql`vendas.empreendimento`,
  corretor: sql`vendas.corretor`,
  time: sql`vendas.time_corretor`,
  valor: sql`vendas.valor`,
  comissao: sql`vendas.comissao_valor`,
  prosoluto: sql`vendas.valor_prosoluto`,
  situacao: sql`vendas.status`,
};

const neverNull: ReadonlySet<SortColumn> = new Set(["data", "reserva"]);

/** Sales that are listed: filters, stretch of days and search. Relation `vendas` in what follows. */
function fromListedSales(query: SalesQuery): SQLQuery {
  const { filters, table, stretch, seesClients } = query;
  const words = searchWords(table.busca);
  const searchesClients = seesClients && words.length > 0;
  const client = searchesClients ? sql`, claras.cliente` : sql``;
  const text = sql`concat_ws(
      ' ', vendas.reserva_id, vendas.empreendimento, vendas.unidade, vendas.corretor,
      vendas.time_corretor, vendas.status${client}
  )`;
  const join = searchesClients
    ? sql`
      inner join marts_pii.vendas as claras
          on claras.conta = vendas.conta
          and claras.reserva_id = vendas.reserva_id`
    : sql``;
  const conditions = words.map((word) => sql`${text} ~* ${searchPattern(word)}::text`);
  const where = conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, " AND ")}`;
  return sql`
    from (select * from marts.vendas where ${salesCondition(filters, stretch)}) as vendas
    ${join}
    ${where}`;
}

/** The columns of a listed sale, as vw_tabela_geral_vendas has them, and its unit. */
export function selectListedSales(query: SalesQuery, page: SQLQuery = sql``): SQLQuery {
  const rows = sql`
    select vendas.*
    ${fromListedSales(query)}
    order by ${orderOf(query, sortExpressions[query.table.ordem.column])},
        vendas.conta, vendas.reserva_id desc
    ${page}`;
  const place = sql`row_number() over ()`;
  return sql`
    select ${listedColumns(query)}
    from (select linhas.*, ${place} as lugar from (${rows}) as linhas) as pagina
    ${joinClients(query)}
    order by pagina.lugar`;
}

/**
 * A page of the sales that a search found, and beside each of its rows `total`, `soma` and `pagina`
 * of all that were found; one row without a sale when there are none. What is searched is read once.
 * A page behind the last one is the last one.
 */
export function selectFoundSales(
  query: SalesQuery,
  { pagina, length }: { readonly pagina: number; readonly length: number },
): SQLQuery {
  const sort = sortExpressions[query.table.ordem.column];
  return sql`
    with achadas as materialized (
        select vendas.conta, vendas.reserva_id, vendas.valor, ${sort} as ordem
        ${fromListedSales(query)}
    ),

    somas as (
        select
            count(*) as total,
            sum(valor) as soma,
            least(${pagina}::bigint, greatest(1, ceil(count(*) / ${length}::numeric)))::bigint
                as pagina
        from achadas
    ),

    lugares as (
        select linhas.conta, linhas.reserva_id, row_number() over () as lugar
        from (
            select *
            from achadas
            order by ${orderOf(query, sql`ordem`)}, conta, reserva_id desc
            limit ${length}::bigint
            offset (select (somas.pagina - 1) * ${length}::bigint from somas)
        ) as linhas
    )

    select somas.total, somas.soma, somas.pagina as mostrada, ${listedColumns(query)}
    from somas
    left join (
        select vendas.*, lugares.lugar
        from lugares
        inner join marts.vendas
            on vendas.conta = lugares.conta
            and vendas.reserva_id = lugares.reserva_id
    ) as pagina on true
    ${joinClients(query)}
    order by pagina.lugar`;
}

function orderOf({ table }: SalesQuery, expression: SQLQuery): SQLQuery {
  const { column, direction } = table.ordem;
  // Said only where there can be nulls: an index without the words serves the order, too.
  const nulls = neverNull.has(column) ? sql`` : sql`nulls last`;
  return direction === "desc" ? sql`${expression} desc ${nulls}` : sql`${expression} asc ${nulls}`;
}

function joinClients({ seesClients }: SalesQuery): SQLQuery {
  return seesClients
    ? sql`
      left join marts_pii.vendas as claras
          on claras.conta = pagina.conta
          and claras.reserva_id = pagina.reserva_id`
    : sql``;
}

function listedColumns({ seesClients }: SalesQuery): SQLQuery {
  return sql`
        pagina.conta,
        pagina.reserva_id as reserva,
        pagina.data_venda as data,
        pagina.empreendimento,
        pagina.unidade,
        pagina.corretor,
        pagina.time_corretor as time,
        ${seesClients ? sql`claras.cliente` : sql`pagina.cliente`} as cliente,
        pagina.valor,
        pagina.valor_financiamento as financiamento,
        pagina.valor_entrada as entrada,
        pagina.numero_parcelas as parcelas,
        pagina.comissao_valor as comissao,
        pagina.valor_prosoluto as prosoluto,
        elt.fit_percent(100 * pagina.valor_prosoluto / nullif(pagina.valor, 0))::numeric(7, 2)
            as percentual_prosoluto,
        pagina.status as situacao`;
}

const mostWords = 6;

function searchWords(busca: string | undefined): readonly string[] {
  return (busca ?? "")
    .split(/\s+/)
    .filter((word) => word !== "")
    .slice(0, mostWords);
}

const accented: Readonly<Record<string, string>> = {
  a: "[aáàâãä]",
  e: "[eéèêë]",
  i: "[iíìîï]",
  o: "[oóòôõö]",
  u: "[uúùûü]",
  c: "[cç]",
  n: "[nñ]",
};

/** A word as a pattern that finds it in any case, with or without accents. */
export function searchPattern(word: string): string {
  const plain = word
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase();
  return [...plain]
    .map((letter) => accented[letter] ?? letter.replace(/[\\^$.*+?()[\]{}|]/, "\\$&"))
    .join("");
}
