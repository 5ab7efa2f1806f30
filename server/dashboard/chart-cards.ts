import { prosolutoChart, salesChart, vsoChart } from "./charts.ts";
import {
  formatCount,
  formatExactMoney,
  formatPercent,
  formatShortDay,
  monthOf,
} from "./formats.ts";
import { type Html, html } from "./html.ts";
import { partialMonths, partialNote } from "./partial-months.ts";
import type { Dashboard } from "./read-dashboard.ts";
import type { SalesMonth } from "./read-sales.ts";
import { isCutToTwelveMonths, type Stretches } from "./stretches.ts";

/** Value and count of each month's sales beside the year before, and their table. */
export function renderMonthlySales({ sales, stretches }: Dashboard): Html {
  const { months } = sales;
  const isEmpty = months.every(({ vendas, vendasBefore }) => vendas + vendasBefore === 0);
  const ends = `até ${formatShortDay(stretches.monthly.ate)}`;
  const [now, before] = yearsOf(months, stretches);
  const legend = html`<ul class="legenda"><li class="fraca">${before}</li><li class="forte">${now}, ${ends}</li></ul>`;
  const cells = (vendas: number, valor: number) =>
    html`<td>${formatCount(vendas)}</td><td>${formatExactMoney(valor)}</td>`;
  const rows = months.map(
    (month) =>
      html`<tr><th scope="row">${monthOf(month.mes)}</th>${cells(month.vendasBefore, month.valorBefore)}${cells(month.vendas, month.valor)}</tr>`,
  );
  const named = (what: string) =>
    `Gráfico de barras: ${what} de cada mês, ${now} ao lado de ${before}. Os valores estão na tabela abaixo.`;
  return html`<section class="cartao" aria-labelledby="mensais">
<h2 id="mensais">Vendas por mês</h2>
${legend}
${isEmpty ? nothing("Nenhuma venda nestes meses.") : html`<div class="graficos"><div><h3>Valor</h3>${salesChart(months, "valor", named("valor vendido"))}</div><div><h3>Quantidade</h3>${salesChart(months, "vendas", named("quantidade de vendas"))}</div></div>`}
${valuesTable(
  "vendas por mês",
  html`<tr><td></td><th scope="colgroup" colspan="2">${before}</th><th scope="colgroup" colspan="2">${now}</th></tr>
<tr><th scope="col">Mês</th><th scope="col">Vendas</th><th scope="col">Valor</th><th scope="col">Vendas</th><th scope="col">Valor</th></tr>`,
  rows,
)}
</section>`;
}

/** What this stretch and the one before are called. */
function yearsOf(
  months: readonly SalesMonth[],
  stretches: Stretches,
): readonly [now: string, before: string] {
  const first = Number(months[0]?.mes.slice(0, 4) ?? 0);
  const last = Number(months.at(-1)?.mes.slice(0, 4) ?? 0);
  if (isCutToTwelveMonths(stretches)) return ["últimos 12 meses do período", "um ano antes"];
  if (first === last) return [`${last}`, `${last - 1}`];
  return stretches.hasPeriod ? ["no período", "um ano antes"] : [`${last}`, `${last - 1}`];
}

/** VSO by month. */
export function renderVso(dashboard: Dashboard): Html {
  const { sales, request } = dashboard;
  const known = sales.vso.some(({ percentual }) => percentual !== null && percentual > 0);
  const { corretor, time } = request.filters;
  const offerNote =
    corretor === undefined && time === undefined ? "" : " A oferta é a de todos os corretores.";
  const hasOffer = sales.vso.some(({ oferta }) => oferta > 0);
  const partial = partialMonths(dashboard);
  const rows = sales.vso.map(
    ({ mes, vendas, oferta, percentual }) =>
      html`<tr><th scope="row">${monthOf(mes)}</th><td>${formatCount(vendas)}</td><td>${formatCount(oferta)}</td><td>${percentOrDash(percentual)}</td></tr>`,
  );
  return html`<section class="cartao" aria-labelledby="vso">
<h2 id="vso">VSO por mês</h2>
<p class="explicacao">VSO é a venda sobre a oferta: as vendas do mês, em % das unidades à venda no começo dele.${offerNote}${monthsNote(dashboard)}</p>
${known ? vsoChart(sales.vso, partial, "Gráfico de barras: VSO de cada mês, em porcentagem. Os valores estão na tabela abaixo.") : nothing(hasOffer ? "Nenhuma venda nestes meses." : "Nenhuma unidade em oferta nestes meses.")}
${valuesTable(
  "VSO por mês",
  html`<tr><th scope="col">Mês</th><th scope="col">Vendas</th><th scope="col">Oferta</th><th scope="col">VSO</th></tr>`,
  rows,
)}
</section>`;
}

/** Pró-soluto by month. */
export function renderProsoluto(dashboard: Dashboard): Html {
  const { sales } = dashboard;
  const known = sales.vso.some(({ prosoluto }) => prosoluto > 0);
  const partial = partialMonths(dashboard);
  const rows = sales.vso.map(
    ({ mes, comProsoluto, prosoluto, percentualProsoluto }) =>
      html`<tr><th scope="row">${monthOf(mes)}</th><td>${formatCount(comProsoluto)}</td><td>${formatExactMoney(prosoluto)}</td><td>${percentOrDash(percentualProsoluto)}</td></tr>`,
  );
  return html`<section class="cartao" aria-labelledby="prosoluto">
<h2 id="prosoluto">Pró-soluto por mês</h2>
<p class="explicacao">O que o cliente parcela direto com a incorporadora; sobre cada barra, a parte do valor vendido, em %.${monthsNote(dashboard)}</p>
${known ? prosolutoChart(sales.vso, partial, "Gráfico de barras: pró-soluto das vendas de cada mês, em reais. Os valores estão na tabela abaixo.") : nothing("Nenhum pró-soluto nestes meses.")}
${valuesTable(
  "pró-soluto por mês",
  html`<tr><th scope="col">Mês</th><th scope="col">Vendas</th><th scope="col">Valor</th><th scope="col">Do vendido</th></tr>`,
  rows,
)}
</section>`;
}

/** Which months are shown, where that is not plain, and which of them count only in part. */
function monthsNote(dashboard: Dashboard): string {
  const shown = isCutToTwelveMonths(dashboard.stretches) ? " Últimos 12 meses do período." : "";
  return `${shown}${partialNote(dashboard)}`;
}

function valuesTable(name: string, head: Html, rows: readonly Html[]): Html {
  return html`<details><summary>Ver os valores</summary><div class="rolagem" role="region" aria-label="Valores: ${name}" tabindex="0"><table>
<thead>${head}</thead>
<tbody>${rows}</tbody></table></div></details>`;
}

function nothing(sentence: string): Html {
  return html`<p class="vazio">${sentence}</p>`;
}

function percentOrDash(percent: number | null): string {
  return percent === null ? "–" : formatPercent(percent);
}
