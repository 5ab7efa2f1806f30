import { formatCount, formatMoney, formatPlural } from "./formats.ts";
import { type Html, html } from "./html.ts";
import type { Unclassified, UnclassifiedKind } from "./read-unclassified.ts";

const kinds: Readonly<
  Record<
    UnclassifiedKind,
    {
      readonly title: string;
      readonly rows: readonly [one: string, many: string];
      readonly sentence: string;
      readonly file: string;
    }
  >
> = {
  serie: {
    title: "Séries de pagamento",
    rows: ["condição", "condições"],
    sentence: "Ficam fora de entrada, parcelas e pró-soluto até serem classificadas.",
    file: "series.csv",
  },
  corretor_sem_time: {
    title: "Corretores sem time",
    rows: ["venda", "vendas"],
    sentence: "As vendas deles aparecem como “Sem Time”.",
    file: "times.csv",
  },
  situacao: {
    title: "Situações de reserva",
    rows: ["reserva", "reservas"],
    sentence:
      "Contam como reservas em pé. Confira se alguma é, na verdade, um distrato ou um cancelamento.",
    file: "situacoes.csv",
  },
};

const order: readonly UnclassifiedKind[] = ["serie", "corretor_sem_time", "situacao"];

/** What no mapping knows, and which file says it. */
export function renderUnclassified(
  unclassified: readonly Unclassified[],
  options: { readonly tellsAccount: boolean },
): Html {
  const found = order.flatMap((tipo) => unclassified.filter((each) => each.tipo === tipo));
  const body =
    found.length === 0
      ? html`<p class="vazio">Tudo classificado: nada ficou de fora dos números.</p>`
      : html`<div class="pendencias">${found.map((each) => renderKind(each, options))}</div>`;
  return html`<section class="cartao" aria-labelledby="classificar">
<h2 id="classificar">A classificar</h2>
<p class="explicacao">O que veio do CV e ainda não tem classificação. Quem cuida dos dados completa os arquivos em <code>models/seeds/clientes</code>. Os filtros acima, menos a conta, não valem aqui.</p>
${body}
</section>`;
}

function renderKind(
  { tipo, textos, linhas, maiores }: Unclassified,
  { tellsAccount }: { readonly tellsAccount: boolean },
): Html {
  const { title, rows, sentence, file } = kinds[tipo];
  const more = textos - maiores.length;
  return html`<div><h3>${title} <span class="conta-de">${formatCount(textos)}</span></h3>
<p class="explicacao">${sentence} Arquivo: <code>${file}</code></p>
<table><thead><tr><th scope="col">Texto</th><th scope="col">${rows[1].charAt(0).toUpperCase() + rows[1].slice(1)}</th><th scope="col">Valor</th></tr></thead>
<tbody>${maiores.map((each) => html`<tr><th scope="row">${each.texto === "" ? html`<em>em branco</em>` : each.texto}${tellsAccount ? html`<small>${each.conta}</small>` : undefined}</th><td>${formatCount(each.linhas)}</td><td>${formatMoney(each.valor)}</td></tr>`)}</tbody></table>
${more > 0 ? html`<p class="explicacao">e mais ${formatCount(more)}; ao todo, ${formatPlural(linhas, rows[0], rows[1])}.</p>` : undefined}</div>`;
}
