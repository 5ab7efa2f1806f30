import {
  formatCount,
  formatExactMoney,
  formatMoney,
  formatPercent,
  formatPlural,
  formatShortDay,
  shortMonthOf,
} from "./formats.ts";
import { type Html, html } from "./html.ts";
import type { Dashboard } from "./read-dashboard.ts";
import type { Sum } from "./read-sales.ts";
import { renderTiles, type Tile } from "./tiles.ts";

/** The stretch in view against the same days a year earlier. */
export function renderKpiTiles(dashboard: Dashboard): Html {
  const { sales, stretches } = dashboard;
  const { compared, comparedBefore } = sales;
  const year = Number(stretches.compared.ate.slice(0, 4));
  const title = stretches.hasPeriod
    ? `De ${formatShortDay(stretches.compared.de)} a ${formatShortDay(stretches.compared.ate)}`
    : `${year} até ${formatShortDay(stretches.compared.ate)}`;
  const before = stretches.hasPeriod ? "um ano antes" : String(year - 1);
  const sameStretch = stretches.hasPeriod
    ? `de ${formatShortDay(stretches.comparedBefore.de)} a ${formatShortDay(stretches.comparedBefore.ate)}`
    : `no mesmo período de ${year - 1}`;
  const wasNothing = `nenhuma venda ${sameStretch}`;
  const against = (measure: (sum: Sum) => number, format: (value: number) => string) => ({
    change: { from: measure(comparedBefore), to: measure(compared), before },
    note:
      comparedBefore.vendas > 0 ? `${format(measure(comparedBefore))} ${sameStretch}` : wasNothing,
  });
  const { vendas, valor, comissoes } = compared;
  const month = sales.vso.at(-1);
  const prosoluto = sales.vso.reduce((sum, each) => sum + each.prosoluto, 0);
  const sold = sales.vso.reduce((sum, each) => sum + each.valor, 0);
  const tiles: readonly Tile[] = [
    {
      label: "Vendas",
      value: formatCount(vendas),
      ...against(
        (sum) => sum.vendas,
        (count) => formatPlural(count, "venda", "vendas"),
      ),
    },
    { ...moneyTile("Valor vendido", valor), ...against((sum) => sum.valor, formatMoney) },
    {
      ...moneyTile("Ticket médio", vendas > 0 ? valor / vendas : null),
      ...against(({ valor, vendas }) => (vendas > 0 ? valor / vendas : 0), formatMoney),
    },
    {
      ...moneyTile("Comissões", comissoes),
      ...against((sum) => sum.comissoes, formatMoney),
      ...(valor > 0
        ? { note: `${formatPercent((100 * comissoes) / valor)} do valor vendido` }
        : {}),
    },
    {
      label: `VSO de ${month === undefined ? "hoje" : shortMonthOf(month.mes)}`,
      value:
        month === undefined || month.percentual === null ? "–" : formatPercent(month.percentual),
      note:
        month === undefined || month.percentual === null
          ? "nenhuma unidade em oferta"
          : `${formatPlural(month.vendas, "venda", "vendas")} sobre ${formatPlural(month.oferta, "unidade", "unidades")} em oferta`,
    },
    {
      ...moneyTile("Pró-soluto", prosoluto),
      ...(sold > 0
        ? {
            note: `${formatPercent((100 * prosoluto) / sold)} do valor vendido${stretches.hasPeriod ? "" : " em 12 meses"}`,
          }
        : {}),
    },
  ];
  return html`<section aria-labelledby="indicadores">
<h2 id="indicadores">${title}</h2>
${renderTiles(tiles)}
</section>`;
}

/** All sales ever; nothing when a period is chosen. */
export function renderTotals({ total }: Dashboard): Html | undefined {
  if (total === undefined) return undefined;
  const tiles: readonly Tile[] = [
    {
      label: "Vendas",
      value: formatCount(total.vendas),
      note: `${formatPlural(total.empreendimentos, "empreendimento", "empreendimentos")}, ${formatPlural(total.corretores, "corretor", "corretores")}`,
    },
    moneyTile("Valor total", total.valor),
    moneyTile("Ticket médio", total.ticketMedio),
    {
      ...moneyTile("Comissões", total.comissoes),
      ...(total.valor > 0
        ? { note: `${formatPercent((100 * total.comissoes) / total.valor)} do valor vendido` }
        : {}),
    },
  ];
  return html`<section class="totais" aria-labelledby="total">
<h2 id="total">Desde a primeira venda</h2>
${renderTiles(tiles)}
</section>`;
}

function moneyTile(label: string, reais: number | null): Tile {
  if (reais === null) return { label, value: "–" };
  return { label, value: formatMoney(reais), exact: formatExactMoney(reais) };
}
