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
import { partialMonths } from "./partial-months.ts";
import type { Dashboard } from "./read-dashboard.ts";
import type { Sum } from "./read-sales.ts";
import { isCutToTwelveMonths } from "./stretches.ts";
import { renderTiles, type Tile } from "./tiles.ts";

/** The stretch in view against the same days a year earlier. */
export function renderKpiTiles(dashboard: Dashboard): Html {
  const { sales, stretches } = dashboard;
  const { compared, comparedBefore } = sales;
  const isComparable = stretches.comparedBefore.ate < stretches.compared.de;
  const year = Number(stretches.compared.ate.slice(0, 4));
  const title = stretches.hasPeriod
    ? `De ${formatShortDay(stretches.compared.de)} a ${formatShortDay(stretches.compared.ate)}`
    : `${year} até ${formatShortDay(stretches.compared.ate)}`;
  const sameStretch = stretches.hasPeriod ? "um ano antes" : `no mesmo período de ${year - 1}`;
  const comparison = isComparable
    ? `Comparado ${stretches.hasPeriod ? "com um ano antes" : `com o mesmo período de ${year - 1}`}: de ${formatShortDay(stretches.comparedBefore.de)} a ${formatShortDay(stretches.comparedBefore.ate)}.`
    : "Sem comparação com um ano antes, porque o período tem mais de um ano.";
  const wasNothing = `nenhuma venda ${sameStretch}`;
  const against = (measure: (sum: Sum) => number, format: (value: number) => string) =>
    isComparable
      ? {
          change: { from: measure(comparedBefore), to: measure(compared) },
          note:
            comparedBefore.vendas > 0
              ? `${format(measure(comparedBefore))} ${sameStretch}`
              : wasNothing,
        }
      : {};
  const { vendas, valor, comissoes } = compared;
  const month = sales.vso.at(-1);
  const isLastPartial = month !== undefined && partialMonths(dashboard).has(month.mes);
  const isTwelveMonths = !stretches.hasPeriod || isCutToTwelveMonths(stretches);
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
          : `${isLastPartial ? "mês parcial: " : ""}${formatPlural(month.vendas, "venda", "vendas")} sobre ${formatPlural(month.oferta, "unidade", "unidades")} em oferta`,
    },
    {
      ...moneyTile("Pró-soluto", prosoluto),
      ...(sold > 0
        ? {
            note: `${isTwelveMonths ? "últimos 12 meses: " : ""}${formatPercent((100 * prosoluto) / sold)} do valor vendido`,
          }
        : {}),
    },
  ];
  return html`<section aria-labelledby="indicadores">
<h2 id="indicadores">${title}</h2>
<p class="explicacao">${comparison}</p>
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
