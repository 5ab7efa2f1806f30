import { monthOf } from "../calendar.ts";
import { average, fitting, type Hundredths, sum } from "../decimal.ts";
import { amount, type Cell } from "../relation.ts";
import type { Sale } from "./view.ts";

/** Σ valor. */
export const totalOf = (sales: readonly Sale[]) => sum(sales.map((sale) => sale.valor));

/** Values over sales; sales that all lack a value have no average. */
export function ticket(sales: readonly Sale[]): Cell {
  return amount(averageValue(sales, sales.length));
}

/** Their value shared out over a number of sales, developments, … */
export function averageValue(sales: readonly Sale[], count: number): Hundredths | null {
  if (sales.every((sale) => sale.valor === null)) return null;
  const value = average(totalOf(sales), count);
  return value === null ? null : fitting(value, 15);
}

/** Both commission columns; the average is over sales that have one. */
export function commissions(sales: readonly Sale[]): { readonly [column: string]: Cell } {
  const total = sum(sales.map((sale) => sale.comissao));
  const paid = sales.filter((sale) => sale.hasComissao).length;
  return { total_comissoes: amount(total), media_comissoes: amount(average(total, paid)) };
}

function distinct(values: readonly (bigint | null)[]): number {
  return new Set(values.filter((value) => value !== null)).size;
}

/** How many developments had a sale. */
export const developments = (sales: readonly Sale[]) =>
  distinct(sales.map((s) => s.empreendimentoId));

/** How many brokers had a sale. */
export const brokers = (sales: readonly Sale[]) => distinct(sales.map((sale) => sale.corretorId));

/** The sales of the month that begins on `mes`. */
export function ofMonth(sales: readonly Sale[], mes: string): readonly Sale[] {
  return sales.filter((sale) => monthOf(sale.dataVenda) === mes);
}
