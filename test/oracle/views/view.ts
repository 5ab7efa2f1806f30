import type { AccountFacts } from "../account.ts";
import { addMonths } from "../calendar.ts";
import type { Hundredths } from "../decimal.ts";
import type { Cell } from "../relation.ts";
import type { Venda } from "../reservas.ts";

/** A view and how its rows follow from one account on one day; `conta` comes last and is left out here. */
export type View = {
  readonly name: string;
  readonly key: readonly string[];
  readonly columns: { readonly [column: string]: string };
  readonly rowsOf: (ground: Ground) => readonly { readonly [column: string]: Cell }[];
};

/** What every view is computed from: one account on one day. */
export type Ground = {
  readonly facts: AccountFacts;
  readonly hoje: string;
  readonly sales: readonly Sale[];
  /** Those of the 12 months up to hoje. */
  readonly lastYear: readonly Sale[];
};

/** A standing sale dated up to hoje, with what the views add up. */
export type Sale = Venda & {
  readonly comissao: Hundredths;
  readonly hasComissao: boolean;
  readonly prosoluto: Hundredths;
};

/** What the views of an account rest on, as of a day. */
export function ground(facts: AccountFacts, hoje: string): Ground {
  const sales = facts.vendas
    .filter((venda) => venda.dataVenda <= hoje)
    .map((venda): Sale => {
      const commission = facts.commissionOf(venda);
      return {
        ...venda,
        comissao: commission.valor,
        hasComissao: commission.any,
        prosoluto: facts.valoresOf(venda).prosoluto,
      };
    });
  const since = addMonths(hoje, -12);
  return { facts, hoje, sales, lastYear: sales.filter((sale) => sale.dataVenda >= since) };
}
