import { salesChart, vsoChart } from "./charts.ts";
import {
  formatAge,
  formatCount,
  formatDay,
  formatExactMoney,
  formatInstant,
  formatMoney,
  formatPercent,
  monthName,
} from "./formats.ts";
import { type Html, html } from "./html.ts";
import { renderPage } from "./page.ts";
import { renderRanking } from "./ranking.ts";
import type { Dashboard, Month } from "./read-dashboard.ts";
import { renderTiles, type Tile } from "./tiles.ts";

export type DashboardPage = {
  readonly dashboard: Dashboard;
  readonly stylesheet: string;
  readonly now: Date;
};

/** Loads run several times a day: older data deserve a second look. */
const staleMs = 24 * 3_600_000;

/** The dashboard as a whole document, complete without scripts. */
export function renderDashboard({ dashboard, stylesheet, now }: DashboardPage): string {
  const { thisYear, hoje, total, conta } = dashboard;
  return renderPage({
    title: conta === undefined ? "Painel de vendas" : `Painel de vendas · ${conta}`,
    stylesheet,
    heading: html`<h1 class="marca">Painel de vendas</h1>
${accounts(dashboard)}
${freshness(dashboard, now)}`,
    content: html`<section aria-labelledby="ano">
<h2 id="ano">${thisYear.ano} até ${formatDay(hoje)}</h2>
${renderTiles(yearTiles(dashboard))}
</section>
<div class="lado-a-lado">${monthlySales(dashboard)}${vsoByMonth(dashboard)}</div>
<div class="lado-a-lado">
${renderRanking({
  title: "Empreendimentos que mais venderam",
  column: "Empreendimento",
  rows: dashboard.empreendimentos,
})}
${renderRanking({
  title: "Corretores que mais venderam",
  column: "Corretor",
  rows: dashboard.corretores,
})}
</div>
<section aria-labelledby="total">
<h2 id="total">Desde a primeira venda</h2>
${renderTiles([
  {
    label: "Vendas",
    value: formatCount(total.vendas),
    note: `${plural(total.empreendimentos, "empreendimento", "empreendimentos")}, ${plural(total.corretores, "corretor", "corretores")}`,
  },
  { label: "Valor total", value: formatMoney(total.valor), exact: formatExactMoney(total.valor) },
  moneyTile("Ticket médio", total.ticketMedio),
  {
    label: "Comissões",
    value: formatMoney(total.comissoes),
    exact: formatExactMoney(total.comissoes),
    ...(total.valor > 0
      ? { note: `${formatPercent((100 * total.comissoes) / total.valor)} do valor vendido` }
      : {}),
  },
])}
</section>
<footer>
<p>Vendas vigentes até hoje: distratos e cancelamentos não entram. Os mesmos números em JSON:
<a href="/api/kpis">indicadores</a>, <a href="/api/vendas-mensais">vendas mensais</a>,
<a href="/api/vso-mensal">VSO</a>, <a href="/api/tabela-geral-vendas">todas as vendas</a>.</p>
</footer>`,
  });
}

function freshness({ publication }: Dashboard, now: Date): Html {
  const em = new Date(publication.em);
  const look = now.getTime() - em.getTime() > staleMs ? "frescor velho" : "frescor";
  return html`<p class="${look}">dados de <time datetime="${publication.em}">${formatInstant(em)}</time> <span>(${formatAge(em, now)})</span></p>`;
}

function accounts({ contas, conta }: Dashboard): Html | undefined {
  if (contas.length < 2) return undefined;
  const link = (href: string, name: string, chosen: "page" | "false") =>
    html`<li><a href="${href}" aria-current="${chosen}">${name}</a></li>`;
  return html`<nav class="contas" aria-label="Contas"><ul>
${link("/", "Todas", conta === undefined ? "page" : "false")}
${contas.map((each) => link(`/?conta=${encodeURIComponent(each)}`, each, each === conta ? "page" : "false"))}
</ul></nav>`;
}

function yearTiles(dashboard: Dashboard): readonly Tile[] {
  const { thisYear, lastYear, vso, prosoluto } = dashboard;
  const month = vso.at(-1);
  return [
    {
      label: `Vendas em ${thisYear.ano}`,
      value: formatCount(thisYear.vendas),
      change: { from: lastYear.vendas, to: thisYear.vendas, ano: lastYear.ano },
      note:
        lastYear.vendas > 0
          ? `${plural(lastYear.vendas, "venda", "vendas")} no mesmo período de ${lastYear.ano}`
          : `nenhuma venda no mesmo período de ${lastYear.ano}`,
    },
    {
      label: `Valor vendido em ${thisYear.ano}`,
      value: formatMoney(thisYear.valor),
      exact: formatExactMoney(thisYear.valor),
      change: { from: lastYear.valor, to: thisYear.valor, ano: lastYear.ano },
      note:
        lastYear.valor > 0
          ? `${formatMoney(lastYear.valor)} no mesmo período de ${lastYear.ano}`
          : `nenhuma venda no mesmo período de ${lastYear.ano}`,
    },
    {
      label: `VSO de ${month === undefined ? "hoje" : monthName(month.mes)}`,
      value: percentOrDash(month?.percentual ?? null),
      note:
        month === undefined || month.percentual === null
          ? "nenhuma unidade em oferta"
          : `${plural(month.vendas, "venda", "vendas")} sobre ${plural(month.oferta, "unidade", "unidades")} em oferta`,
    },
    {
      label: "Pró-soluto em 12 meses",
      value: formatMoney(prosoluto.valor),
      exact: formatExactMoney(prosoluto.valor),
      ...(prosoluto.percentual === null
        ? {}
        : { note: `${formatPercent(prosoluto.percentual)} do valor vendido` }),
    },
  ];
}

function moneyTile(label: string, reais: number | null): Tile {
  if (reais === null) return { label, value: "–" };
  return { label, value: formatMoney(reais), exact: formatExactMoney(reais) };
}

function monthlySales(dashboard: Dashboard): Html {
  const { months, thisYear, lastYear, hoje } = dashboard;
  const [, mes = 0, dia = 0] = hoje.split("-").map(Number);
  const of = (ano: number, mes: number) =>
    months.find((month) => month.ano === ano && month.mes === mes);
  const cells = (month: Month | undefined) =>
    month === undefined
      ? html`<td>–</td><td>–</td>`
      : html`<td>${formatCount(month.vendas)}</td><td>${formatExactMoney(month.valor)}</td>`;
  const rows = Array.from({ length: 12 }, (_row, index) => {
    const mes = index + 1;
    return html`<tr><th scope="row">${monthName(mes)}</th>${cells(of(lastYear.ano, mes))}${cells(of(thisYear.ano, mes))}</tr>`;
  });
  return html`<section class="cartao" aria-labelledby="mensais">
<h2 id="mensais">Valor vendido por mês</h2>
<ul class="legenda"><li class="fraca">${lastYear.ano}</li><li class="forte">${thisYear.ano}, ${monthName(mes)} até o dia ${dia}</li></ul>
${salesChart(dashboard, `Gráfico de barras: valor vendido em cada mês de ${lastYear.ano} e de ${thisYear.ano}. Os valores estão na tabela abaixo.`)}
<details><summary>Ver os valores</summary><div class="rolagem" role="region" aria-labelledby="mensais" tabindex="0"><table>
<thead><tr><td></td><th scope="colgroup" colspan="2">${lastYear.ano}</th><th scope="colgroup" colspan="2">${thisYear.ano}</th></tr>
<tr><th scope="col">Mês</th><th scope="col">Vendas</th><th scope="col">Valor</th><th scope="col">Vendas</th><th scope="col">Valor</th></tr></thead>
<tbody>${rows}</tbody></table></div></details>
</section>`;
}

function vsoByMonth({ vso }: Dashboard): Html {
  const known = vso.some(({ percentual }) => percentual !== null);
  const rows = vso.map(
    ({ ano, mes, vendas, oferta, percentual }) =>
      html`<tr><th scope="row">${monthName(mes)} de ${ano}</th><td>${formatCount(vendas)}</td><td>${formatCount(oferta)}</td><td>${percentOrDash(percentual)}</td></tr>`,
  );
  const chart = vsoChart(
    vso,
    "Gráfico de barras: VSO de cada um dos últimos 12 meses, em porcentagem. Os valores estão na tabela abaixo.",
  );
  return html`<section class="cartao" aria-labelledby="vso">
<h2 id="vso">VSO por mês</h2>
<p class="explicacao">Vendas do mês sobre as unidades em oferta, em %. O mês atual, em cinza, ainda não terminou.</p>
${known ? chart : html`<p class="vazio">Nenhuma unidade em oferta nos últimos 12 meses.</p>`}
<details><summary>Ver os valores</summary><div class="rolagem" role="region" aria-labelledby="vso" tabindex="0"><table>
<thead><tr><th scope="col">Mês</th><th scope="col">Vendas</th><th scope="col">Oferta</th><th scope="col">VSO</th></tr></thead>
<tbody>${rows}</tbody></table></div></details>
</section>`;
}

function percentOrDash(percent: number | null): string {
  return percent === null ? "–" : formatPercent(percent);
}

function plural(count: number, one: string, many: string): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
