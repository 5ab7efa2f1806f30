import { sql } from "../../extract/query.ts";
import type { Snapshot } from "../read-published.ts";
import { type Row, selectRecords } from "./records.ts";
import { type SalesQuery, selectFoundSales, selectListedSales } from "./sales-query.ts";

/** One sale of the table; money in reais, days YYYY-MM-DD, what is absent empty or null. */
export type ListedSale = {
  readonly conta: string;
  readonly reserva: string;
  readonly data: string;
  readonly empreendimento: string;
  readonly unidade: string;
  readonly corretor: string;
  readonly time: string;
  readonly cliente: string;
  readonly valor: number | null;
  readonly comissao: number | null;
  readonly prosoluto: number | null;
  readonly percentualProsoluto: number | null;
  readonly situacao: string;
};

/** A page of the table of sales. */
export type SalesTable = {
  readonly rows: readonly ListedSale[];
  /** Of all pages. */
  readonly total: number;
  readonly valor: number;
  /** The page shown: the last one, when a later one was asked for. */
  readonly pagina: number;
  readonly paginas: number;
};

export const pageLength = 25;

/** Reads one page of the sales that are listed; `all` is what they are without a search. */
export async function readTable(
  snapshot: Snapshot,
  query: SalesQuery,
  all: { readonly vendas: number; readonly valor: number },
): Promise<SalesTable> {
  const { pagina: wanted, busca } = query.table;
  if (busca !== undefined) {
    const page = { pagina: wanted, length: pageLength };
    const rows = await selectRecords(snapshot, selectFoundSales(query, page));
    const [first] = rows;
    const total = first?.number("total") ?? 0;
    return {
      total,
      valor: first?.number("soma") ?? 0,
      pagina: first?.number("mostrada") ?? 1,
      paginas: pagesOf(total),
      rows: total === 0 ? [] : rows.map(saleOf),
    };
  }
  const paginas = pagesOf(all.vendas);
  const pagina = Math.min(wanted, paginas);
  const page = sql`limit ${pageLength}::bigint offset ${(pagina - 1) * pageLength}::bigint`;
  const rows = await selectRecords(snapshot, selectListedSales(query, page));
  return { total: all.vendas, valor: all.valor, pagina, paginas, rows: rows.map(saleOf) };
}

function pagesOf(total: number): number {
  return Math.max(1, Math.ceil(total / pageLength));
}

function saleOf(row: Row): ListedSale {
  return {
    conta: row.text("conta"),
    reserva: row.text("reserva"),
    data: row.text("data"),
    empreendimento: row.text("empreendimento"),
    unidade: row.text("unidade"),
    corretor: row.text("corretor"),
    time: row.text("time"),
    cliente: row.text("cliente"),
    valor: row.maybe("valor"),
    comissao: row.maybe("comissao"),
    prosoluto: row.maybe("prosoluto"),
    percentualProsoluto: row.maybe("percentual_prosoluto"),
    situacao: row.text("situacao"),
  };
}
