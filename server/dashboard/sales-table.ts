import { addressOf, type SortColumn } from "./filters.ts";
import {
  formatAmount,
  formatCount,
  formatExactMoney,
  formatMoney,
  formatPercent,
  formatPlural,
  formatShortDay,
} from "./formats.ts";
import { type Html, html } from "./html.ts";
import type { Dashboard } from "./read-dashboard.ts";
import { type ListedSale, pageLength } from "./read-table.ts";

type Column = {
  readonly name: string;
  readonly sort?: SortColumn;
  readonly isNumber?: true;
  readonly cell: (sale: ListedSale) => Html | string;
};

/** Every sale: search, sort, pages, export. */
export function renderSalesTable(dashboard: Dashboard): Html {
  const { request, table, stretches } = dashboard;
  const { filters } = request;
  const tellsAccount = filters.conta === undefined && dashboard.choices.contas.length > 1;
  const columns = columnsOf(tellsAccount);
  const hidden = new URLSearchParams(
    addressOf({
      filters,
      table: { ...request.table, busca: undefined, pagina: 1 },
    }).split("?")[1],
  );
  const found = html`${formatPlural(table.total, "venda", "vendas")}, <span title="${formatExactMoney(table.valor)}">${formatMoney(table.valor)}</span>,`;
  return html`<section class="cartao vendas" aria-labelledby="vendas">
<div class="cabeca"><div><h2 id="vendas">Tabela geral de vendas</h2>
<p class="explicacao" id="achadas">${found} de ${formatShortDay(stretches.listed.de)} a ${formatShortDay(stretches.listed.ate)}</p></div>
<form class="busca" action="/#vendas" method="get" role="search" aria-label="Busca nas vendas" data-vivo>
${[...hidden].map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<label for="f-busca">Buscar</label><input type="search" id="f-busca" name="busca" value="${request.table.busca ?? ""}" maxlength="100" placeholder="empreendimento, corretor, reserva…"><button type="submit" id="f-buscar">Buscar</button></form>
<a class="botao" href="${addressOf({ filters, table: { ...request.table, pagina: 1 } }, "/vendas.csv")}" download>Exportar CSV</a></div>
${
  table.rows.length === 0
    ? html`<p class="vazio">${emptySentence(dashboard)}</p>`
    : html`<div class="rolagem" role="region" aria-label="Linhas da tabela" tabindex="0"><table>
<caption class="so-leitor">Vendas, ${formatCount(pageLength)} por página; os títulos das colunas ordenam.</caption>
<thead><tr>${columns.map((column) => heading(column, dashboard))}</tr></thead>
<tbody>${table.rows.map((sale) => html`<tr>${columns.map((column) => cell(column, sale))}</tr>`)}</tbody></table></div>`
}
${pages(dashboard)}
</section>`;
}

function columnsOf(tellsAccount: boolean): readonly Column[] {
  const money = (value: number | null) => (value === null ? "–" : formatAmount(value));
  return [
    { name: "Data", sort: "data", cell: ({ data }) => formatShortDay(data) },
    {
      name: "Empreendimento",
      sort: "empreendimento",
      cell: ({ empreendimento, unidade }) =>
        html`${empreendimento || "Sem nome"}${unidade === "" ? undefined : html`<small>${unidade}</small>`}`,
    },
    { name: "Valor (R$)", sort: "valor", isNumber: true, cell: ({ valor }) => money(valor) },
    {
      name: "Corretor",
      sort: "corretor",
      cell: ({ corretor, time }) =>
        html`${corretor || "–"}${time === "" ? undefined : html`<small>${time}</small>`}`,
    },
    { name: "Cliente", cell: ({ cliente }) => cliente || "–" },
    {
      name: "Comissão (R$)",
      sort: "comissao",
      isNumber: true,
      cell: ({ comissao }) => money(comissao),
    },
    {
      name: "Pró-soluto (R$)",
      sort: "prosoluto",
      isNumber: true,
      cell: ({ prosoluto, percentualProsoluto }) =>
        html`${money(prosoluto)}${percentualProsoluto === null ? undefined : html`<small>${formatPercent(percentualProsoluto)}</small>`}`,
    },
    {
      name: "Reserva",
      sort: "reserva",
      cell: ({ reserva, conta }) =>
        tellsAccount ? html`${reserva}<small>${conta}</small>` : reserva,
    },
    { name: "Situação", sort: "situacao", cell: ({ situacao }) => situacao || "–" },
  ];
}

function heading({ name, sort, isNumber }: Column, { request }: Dashboard): Html {
  const look = isNumber ? "numero" : "texto";
  if (sort === undefined) return html`<th scope="col" class="${look}">${name}</th>`;
  const { ordem } = request.table;
  const isSorted = ordem.column === sort;
  // Numbers and days begin with the largest, texts with A.
  const first = isNumber || sort === "data" ? "desc" : "asc";
  const next = isSorted ? (ordem.direction === "asc" ? "desc" : "asc") : first;
  const address = addressOf({
    filters: request.filters,
    table: { ...request.table, ordem: { column: sort, direction: next }, pagina: 1 },
  });
  const state = ordem.direction === "asc" ? "ascending" : "descending";
  const arrow = ordem.direction === "asc" ? "▲" : "▼";
  const link = html`<a id="ordem-${sort}" href="${address}#vendas" data-vivo>${name}${isSorted ? html` <span aria-hidden="true">${arrow}</span>` : undefined}</a>`;
  return isSorted
    ? html`<th scope="col" class="${look}" aria-sort="${state}">${link}</th>`
    : html`<th scope="col" class="${look}">${link}</th>`;
}

function cell({ isNumber, cell }: Column, sale: ListedSale): Html {
  return html`<td class="${isNumber ? "numero" : "texto"}">${cell(sale)}</td>`;
}

function emptySentence({ request, table }: Dashboard): string {
  if (request.table.busca !== undefined && table.total === 0) {
    return `Nenhuma venda com “${request.table.busca}” nestes filtros. Confira a busca ou tire um filtro.`;
  }
  return "Nenhuma venda com estes filtros. Amplie o período ou tire um deles.";
}

function pages({ request, table }: Dashboard): Html | undefined {
  if (table.paginas < 2) return undefined;
  const link = (pagina: number, text: string, id: string) =>
    pagina < 1 || pagina > table.paginas
      ? html`<span class="inativo">${text}</span>`
      : html`<a id="${id}" href="${addressOf({ filters: request.filters, table: { ...request.table, pagina } })}#vendas" data-vivo>${text}</a>`;
  return html`<nav class="paginas" aria-label="Páginas de vendas">
${link(table.pagina - 1, "← Anterior", "pagina-anterior")}
<span>Página ${formatCount(table.pagina)} de ${formatCount(table.paginas)}</span>
${link(table.pagina + 1, "Próxima →", "pagina-proxima")}
</nav>`;
}
