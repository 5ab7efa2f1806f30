import { formatCount } from "../dashboard/formats.ts";
import { type Html, html, trusted } from "../dashboard/html.ts";

/** A page of the site: where it is written, and its markup. */
export type SitePage = { readonly path: string; readonly markup: string };

const sections = [
  { path: "index.html", title: "Visão geral" },
  { path: "linhagem.html", title: "Linhagem" },
  { path: "fontes.html", title: "Fontes" },
  { path: "execucao.html", title: "Última execução" },
] as const;

/** Wraps content into a page. Links are relative, so that the site works from a folder. */
export function sitePage(page: {
  readonly path: string;
  readonly title: string;
  readonly content: Html;
  /** Uses the whole width of the window. */
  readonly wide?: true;
}): SitePage {
  const root = page.path.includes("/") ? "../" : "";
  const links = sections.map(
    ({ path, title }) =>
      html`<a href="${root}${path}"${path === page.path ? trusted(' aria-current="page"') : undefined}>${title}</a>`,
  );
  const { markup } = html`<!doctype html>
<html lang="pt-BR">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${page.title} · modelos</title>
<link rel="stylesheet" href="${root}docs.css">
<script defer src="${root}indice.js"></script>
<script defer src="${root}docs.js"></script>
</head>
<body data-raiz="${root}">
<a class="pular" href="#conteudo">Ir para o conteúdo</a>
<header class="topo">
<a class="marca" href="${root}index.html">Modelos</a>
<nav aria-label="Seções">${links}</nav>
<div class="busca"><input id="busca" type="search" placeholder="Buscar modelo ou coluna" aria-label="Buscar modelo ou coluna" autocomplete="off"><ul id="achados" hidden></ul></div>
</header>
<main id="conteudo"${page.wide === true ? trusted(' class="larga"') : undefined}>${page.content}</main>
</body>
</html>
`;
  return { path: page.path, markup };
}

/** The page of a model. */
export function modelPath(name: string): string {
  return `modelos/${name}.html`;
}

/** Where a relation has its page: a model's own, or the list of sources. */
export function relationLink(root: string, relation: string): string {
  if (relation.startsWith("landing."))
    return `${root}fontes.html#${relation.replace(/_atual$/, "")}`;
  if (relation.startsWith("seeds.")) return `${root}fontes.html#${relation}`;
  return `${root}${modelPath(relation)}`;
}

/** `1 linha`, `2.400 linhas`. */
export function rowCount(rows: number): string {
  return rows === 1 ? "1 linha" : `${formatCount(rows)} linhas`;
}
