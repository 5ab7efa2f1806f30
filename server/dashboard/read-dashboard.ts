import { type SQLQuery, sql } from "../../extract/query.ts";
import { visibleAccountText } from "../../runner/models/access.ts";
import { selectKpis } from "../kpi-routes.ts";
import type { Publication } from "../publication.ts";
import type { Snapshot } from "../read-published.ts";
import type { ResultSet } from "../result-set.ts";

/** Everything the dashboard shows; money in reais, percentages in percent. */
export type Dashboard = {
  readonly publication: Publication;
  /** YYYY-MM-DD */
  readonly hoje: string;
  /** The account shown; undefined means all of them together. */
  readonly conta: string | undefined;
  readonly contas: readonly string[];
  /** All sales up to today. */
  readonly total: Totals;
  /** This year so far, and the same stretch of the last. */
  readonly thisYear: YearSoFar;
  readonly lastYear: YearSoFar;
  /** 24 months, oldest first. */
  readonly months: readonly Month[];
  /** 12 months, oldest first. */
  readonly vso: readonly VsoMonth[];
  /** Of the sales of 12 months. */
  readonly prosoluto: { readonly valor: number; readonly percentual: number | null };
  /** 12 months, largest value first. */
  readonly empreendimentos: readonly Ranked[];
  readonly corretores: readonly Ranked[];
};

export type Totals = {
  readonly vendas: number;
  readonly valor: number;
  readonly ticketMedio: number | null;
  readonly comissoes: number;
  readonly empreendimentos: number;
  readonly corretores: number;
};
export type YearSoFar = { readonly ano: number; readonly vendas: number; readonly valor: number };
export type Month = YearSoFar & { readonly mes: number };
export type VsoMonth = {
  readonly ano: number;
  readonly mes: number;
  readonly vendas: number;
  readonly oferta: number;
  /** null: nothing was on offer. */
  readonly percentual: number | null;
};
export type Ranked = {
  readonly nome: string;
  /** What tells equal names apart: the broker's team, the account. */
  readonly detalhe: string;
  readonly vendas: number;
  readonly valor: number;
  readonly ticketMedio: number | null;
};

const rankingLength = 8;

/** Reads the dashboard of one account, or of all together: sums are summed, averages made anew. */
export async function readDashboard(
  snapshot: Snapshot,
  conta: string | undefined,
): Promise<Dashboard> {
  const rows = async (statement: SQLQuery) => records(await snapshot.select(statement));
  const where = conta === undefined ? sql`where true` : sql`where conta = ${conta}`;
  // The tables' owner is exempt from row-level access, so it is repeated here.
  const visible = sql.__dangerous__rawValue(visibleAccountText);
  const contas = (
    await rows(sql`select conta from marts.contas where ${visible} order by conta`)
  ).map((row) => row.text("conta"));
  const [totals] = await rows(selectKpis(conta));
  const years = await rows(sql`
    select
        ano,
        sum(quantidade_mesmo_periodo) as vendas,
        sum(valor_mesmo_periodo) as valor
    from marts.vw_vendas_ano_atual_vs_passado
    ${where}
    group by ano
    order by ano desc`);
  const months = await rows(sql`
    select
        ano,
        mes_numero as mes,
        sum(quantidade_vendas) as vendas,
        sum(valor_total_vendas) as valor
    from marts.vw_vendas_mensais
    ${where}
    group by ano, mes_numero
    order by ano, mes_numero`);
  const vso = await rows(sql`
    select
        extract(year from mes) as ano,
        extract(month from mes) as mes,
        sum(quantidade_vendas) as vendas,
        sum(vso_valor) as valor,
        sum(oferta) as oferta,
        sum(vso_percentual * oferta) / nullif(sum(oferta), 0) as percentual
    from marts.vw_vso_mensal
    ${where}
    group by vw_vso_mensal.mes
    order by vw_vso_mensal.mes`);
  const [prosoluto] = await rows(sql`
    select sum(valor_total_prosoluto) as valor
    from marts.vw_prosoluto_analise
    ${where}`);
  const empreendimentos = await rows(sql`
    select
        coalesce(empreendimento, 'Sem nome') as nome,
        null as time_corretor,
        conta,
        quantidade_vendas as vendas,
        valor_total_vendas as valor,
        ticket_medio
    from marts.vw_vendas_por_empreendimento
    ${where} and quantidade_vendas > 0
    order by valor_total_vendas desc, conta, cvcrm_id
    limit ${rankingLength}`);
  const corretores = await rows(sql`
    select
        coalesce(corretor, 'Sem nome') as nome,
        time_corretor,
        conta,
        quantidade_vendas as vendas,
        valor_total_vendas as valor,
        ticket_medio
    from marts.vw_vendas_por_corretor
    ${where}
    order by valor_total_vendas desc, conta, corretor_id
    limit ${rankingLength}`);

  const ano = Number(snapshot.hoje.slice(0, 4));
  const year = (wanted: number): YearSoFar => {
    const row = years.find((each) => each.number("ano") === wanted);
    return { ano: wanted, vendas: row?.number("vendas") ?? 0, valor: row?.number("valor") ?? 0 };
  };
  const ranked = (row: Row): Ranked => ({
    nome: row.text("nome"),
    detalhe: [
      row.text("time_corretor"),
      conta === undefined && contas.length > 1 ? row.text("conta") : "",
    ]
      .filter((each) => each !== "")
      .join(" · "),
    vendas: row.number("vendas"),
    valor: row.number("valor"),
    ticketMedio: row.maybe("ticket_medio"),
  });
  const soldIn12Months = vso.reduce((sum, row) => sum + row.number("valor"), 0);
  const valorProsoluto = prosoluto?.number("valor") ?? 0;
  return {
    publication: snapshot.publication,
    hoje: snapshot.hoje,
    conta,
    contas,
    total: {
      vendas: totals?.number("quantidade_vendas") ?? 0,
      valor: totals?.number("valor_total") ?? 0,
      ticketMedio: totals?.maybe("ticket_medio") ?? null,
      comissoes: totals?.number("total_comissoes") ?? 0,
      empreendimentos: totals?.number("empreendimentos") ?? 0,
      corretores: totals?.number("corretores") ?? 0,
    },
    thisYear: year(ano),
    lastYear: year(ano - 1),
    months: months.map((row) => ({
      ano: row.number("ano"),
      mes: row.number("mes"),
      vendas: row.number("vendas"),
      valor: row.number("valor"),
    })),
    vso: vso.map((row) => ({
      ano: row.number("ano"),
      mes: row.number("mes"),
      vendas: row.number("vendas"),
      oferta: row.number("oferta"),
      percentual: row.maybe("percentual"),
    })),
    prosoluto: {
      valor: valorProsoluto,
      percentual: soldIn12Months > 0 ? (100 * valorProsoluto) / soldIn12Months : null,
    },
    empreendimentos: empreendimentos.map(ranked),
    corretores: corretores.map(ranked),
  };
}

/** A row whose values are asked for by name. For people to look at: money as a double is enough. */
type Row = {
  /** Null is empty. */
  text(column: string): string;
  /** Null is 0. */
  number(column: string): number;
  maybe(column: string): number | null;
};

function records({ columns, rows }: ResultSet): readonly Row[] {
  const places = new Map(columns.map(({ name }, index) => [name, index]));
  return rows.map((row) => {
    const value = (column: string) => {
      const place = places.get(column);
      if (place === undefined) throw new Error(`the result has no column ${column}`);
      return row[place] ?? null;
    };
    return {
      text: (column) => value(column) ?? "",
      number: (column) => Number(value(column) ?? 0),
      maybe: (column) => {
        const text = value(column);
        return text === null ? null : Number(text);
      },
    };
  });
}
