import { type Html, html } from "./html.ts";

/** What stands around the content of every page. */
export type Page = {
  readonly title: string;
  /** Address of the style sheet. */
  readonly stylesheet: string;
  /** Address of the script; what it adds, nobody must need. */
  readonly script?: string | undefined;
  readonly heading: Html;
  readonly content: Html;
};

/** A whole HTML document. */
export function renderPage({ title, stylesheet, script, heading, content }: Page): string {
  return html`<!doctype html>
<html lang="pt-BR">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/assets/icone.svg" type="image/svg+xml">
<link rel="stylesheet" href="${stylesheet}">
${script === undefined ? undefined : html`<script src="${script}" defer></script>`}
</head>
<body>
<a class="pular" href="#conteudo">Ir para o conteúdo</a>
<header class="topo">${heading}</header>
<main id="conteudo" tabindex="-1">${content}</main>
</body>
</html>
`.markup;
}

/** A page that says what is wrong, and what to do. */
export function renderNotice(notice: {
  readonly stylesheet: string;
  readonly title: string;
  readonly content: Html;
  /** Classes of the card. */
  readonly look?: string;
}): string {
  return renderPage({
    title: notice.title,
    stylesheet: notice.stylesheet,
    heading: html`<p class="marca">Painel de vendas</p>`,
    content: html`<section class="${notice.look ?? "aviso"}"><h1>${notice.title}</h1>${notice.content}</section>`,
  });
}

/** Nothing is published yet: the way to the first data. */
export function renderUnpublished(stylesheet: string): string {
  return renderNotice({
    stylesheet,
    title: "Ainda não há dados publicados",
    content: html`<p>O painel mostra os números assim que a primeira carga terminar. No servidor:</p>
<ol>
<li>Confira a configuração do acesso ao CV no arquivo <code>.env</code>.</li>
<li>Rode a carga completa: <code>npm run elt</code></li>
<li>Recarregue esta página.</li>
</ol>
<p>Para conhecer o painel com dados fictícios, sem conta no CV: <code>npm run demo</code></p>`,
  });
}
