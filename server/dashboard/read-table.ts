import { sql } from "../../extract/query.ts";
import type { Snapshot } from "../read-published.ts";
import { selectRecords } from "./records.ts";
import { fromListedSales, type SalesQuery, selectListedSales } from "./sales-query.ts";

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

/** Reads one page of the sales that are listed. */
export async function readTable(snapshot: Snapshot, query: SalesQuery): Promise<SalesTable> {
  const [sums] = await selectRecords(
    snapshot,
    sql`select count(*) as total, sum(vendas.valor) as valor ${fromListedSales(query)}`,
  );
  const total = sums?.number("total") ?? 0;
  const paginas = Math.max(1, Math.ceil(total / pageLength));
  const pagina = Math.min(query.table.pagina, paginas);
  const page = sql`limit ${pageLength}::bigint offset ${(pagina - 1) * pageLength}::bigint`;
  const rows = await selectRecords(snapshot, selectListedSales(query, page));
  return {
    total,
    valor: sums?.number("valor") ?? 0,
    pagina,
    paginas,
    rows: rows.map((row) => ({
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
    })),
  };
}
