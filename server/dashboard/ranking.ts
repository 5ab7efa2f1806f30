import { addressOf, type DashboardRequest, type Filters, withFilters } from "./filters.ts";
import { formatCount, formatExactMoney, formatMoney } from "./formats.ts";
import { type Html, html } from "./html.ts";
import type { Ranked } from "./read-rankings.ts";

type Ranking = {
  readonly id: string;
  readonly title: string;
  /** Heading of the names. */
  readonly column: string;
  /** Which sales count, in words. */
  readonly explanation: string;
  /** Largest value first. */
  readonly rows: readonly Ranked[];
  readonly tellsAccount: boolean;
  readonly request: DashboardRequest;
  /** The filter that a name sets. */
  readonly choose: (row: Ranked) => Filters;
};

/** A small table of who sold most, with bars in proportion to the first; names set a filter. */
export function renderRanking(ranking: Ranking): Html {
  const { id, title, column, explanation, rows, request } = ranking;
  const largest = Math.max(...rows.map(({ valor }) => valor), 1);
  const body = rows.map((row) => {
    const { nome, time, conta, vendas, valor, ticketMedio } = row;
    const detail = [time, ranking.tellsAccount ? conta : ""].filter((each) => each !== "");
    const address = addressOf(withFilters(request, ranking.choose(row)));
    return html`<tr>
<th scope="row"><a href="${address}" title="Filtrar por ${nome}">${nome}</a>${detail.length === 0 ? undefined : html`<small>${detail.join(" · ")}</small>`}${bar(valor / largest)}</th>
<td>${formatCount(vendas)}</td>
<td><span title="${formatExactMoney(valor)}">${formatMoney(valor)}</span></td>
<td class="largo">${ticketMedio === null ? "–" : formatMoney(ticketMedio)}</td>
</tr>`;
  });
  const table = html`<table class="ranking">
<thead><tr><th scope="col">${column}</th><th scope="col">Vendas</th><th scope="col">Valor</th><th scope="col" class="largo">Ticket médio</th></tr></thead>
<tbody>${body}</tbody></table>`;
  return html`<section class="cartao" aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
<p class="explicacao">${explanation}</p>
${rows.length === 0 ? html`<p class="vazio">Nenhuma venda com estes filtros.</p>` : table}
</section>`;
}

function bar(share: number): Html {
  const width = Math.max(0, Math.min(100, 100 * share)).toFixed(1);
  return html`<svg class="barra" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect width="${width}" height="4"></rect></svg>`;
}
