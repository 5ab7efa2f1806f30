import { renderMonthlySales, renderProsoluto, renderVso } from "./chart-cards.ts";
import { filterWords, renderFilterForm } from "./filter-form.ts";
import { formatShortDay } from "./formats.ts";
import { type Html, html } from "./html.ts";
import { renderKpiTiles, renderTotals } from "./kpi-tiles.ts";
import { renderRanking } from "./ranking.ts";
import type { Dashboard } from "./read-dashboard.ts";
import { renderSalesTable } from "./sales-table.ts";
import { renderUnclassified } from "./unclassified-card.ts";

/** What of the dashboard changes only with the data and the filters, complete without scripts. */
export function renderDashboard(dashboard: Dashboard): Html {
  const { request, rankings, stretches, choices } = dashboard;
  const tellsAccount = request.filters.conta === undefined && choices.contas.length > 1;
  const choice = ({ conta, id }: { readonly conta: string; readonly id: string }) => ({
    conta: tellsAccount ? conta : undefined,
    id,
  });
  const explanation = stretches.hasPeriod
    ? `Maior valor vendido de ${formatShortDay(stretches.ranked.de)} a ${formatShortDay(stretches.ranked.ate)}.`
    : "Maior valor vendido nos últimos 12 meses.";
  const shared = { explanation, tellsAccount, request };
  return html`${renderFilterForm(dashboard)}
${renderKpiTiles(dashboard)}
<div class="um">${renderMonthlySales(dashboard)}</div>
<div class="lado-a-lado">${renderVso(dashboard)}${renderProsoluto(dashboard)}</div>
<div class="lado-a-lado tres">
${renderRanking({
  ...shared,
  id: "empreendimentos",
  title: "Empreendimentos",
  column: "Empreendimento",
  rows: rankings.empreendimentos,
  choose: (row) => ({ empreendimento: choice(row) }),
})}
${renderRanking({
  ...shared,
  id: "corretores",
  title: "Corretores",
  column: "Corretor",
  rows: rankings.corretores,
  choose: (row) => ({ corretor: choice(row) }),
})}
${renderRanking({
  ...shared,
  id: "times",
  title: "Times",
  column: "Time",
  rows: rankings.times,
  choose: ({ nome }) => ({ time: nome }),
})}
</div>
<div class="um">${renderSalesTable(dashboard)}</div>
${renderTotals(dashboard)}
<div class="um">${renderUnclassified(dashboard.unclassified, { tellsAccount })}</div>
<footer>
<p>Vendas vigentes até hoje: distratos e cancelamentos não entram. Os números das visões em JSON:
<a href="/api/kpis">indicadores</a>, <a href="/api/vendas-mensais">vendas mensais</a>,
<a href="/api/vso-mensal">VSO</a>, <a href="/api/docs">toda a API</a>.</p>
</footer>`;
}

/** The page's title: what is chosen tells one tab from another. */
export function titleOf(dashboard: Dashboard): string {
  return ["Painel de vendas", ...filterWords(dashboard).map(({ text }) => text)].join(" · ");
}
