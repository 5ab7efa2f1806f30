import { formatCount, formatExactMoney, formatMoney } from "./formats.ts";
import { type Html, html } from "./html.ts";
import type { Ranked } from "./read-dashboard.ts";

type Ranking = {
  readonly title: string;
  /** Heading of the names. */
  readonly column: string;
  /** Largest value first. */
  readonly rows: readonly Ranked[];
};

/** A small table of who sold most in 12 months, with bars in proportion to the first. */
export function renderRanking({ title, column, rows }: Ranking): Html {
  const id = column.toLowerCase();
  const largest = Math.max(...rows.map(({ valor }) => valor), 1);
  const body = rows.map(
    ({ nome, detalhe, vendas, valor, ticketMedio }) => html`<tr>
<th scope="row">${nome}${detalhe === "" ? undefined : html`<small>${detalhe}</small>`}${bar(valor / largest)}</th>
<td>${formatCount(vendas)}</td>
<td><span title="${formatExactMoney(valor)}">${formatMoney(valor)}</span></td>
<td class="largo">${ticketMedio === null ? "–" : formatMoney(ticketMedio)}</td>
</tr>`,
  );
  const table = html`<table class="ranking">
<thead><tr><th scope="col">${column}</th><th scope="col">Vendas</th><th scope="col">Valor</th><th scope="col" class="largo">Ticket médio</th></tr></thead>
<tbody>${body}</tbody></table>`;
  return html`<section class="cartao" aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
<p class="explicacao">Últimos 12 meses, por valor vendido.</p>
${rows.length === 0 ? html`<p class="vazio">Nenhuma venda nos últimos 12 meses.</p>` : table}
</section>`;
}

function bar(share: number): Html {
  const width = Math.max(0, Math.min(100, 100 * share)).toFixed(1);
  return html`<svg class="barra" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect width="${width}" height="4"></rect></svg>`;
}
