import { copyFile, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Model } from "../../runner/models/project.ts";
import { formatCount } from "../dashboard/formats.ts";
import { type Html, html } from "../dashboard/html.ts";
import type { Documented } from "./documented.ts";
import { drawGraph, type GraphNode, graphLegend } from "./graph.ts";
import { modelPage } from "./model-page.ts";
import { modelPath, rowCount, type SitePage, sitePage } from "./page.ts";
import { runPage } from "./run-page.ts";
import { sourcesPage } from "./sources-page.ts";

const stageTitles = [
  { stage: "views", title: "Visões de indicadores", what: "o que os painéis leem" },
  { stage: "marts", title: "Marts", what: "uma tabela por assunto do negócio" },
  { stage: "staging", title: "Staging", what: "os registros da CVDW, tipados" },
] as const;

/** Writes the site into a folder; every link in it is relative, and nothing is asked of a network. */
export async function writeSite(
  documented: Documented,
  folder: string,
): Promise<readonly string[]> {
  const pages = [
    overviewPage(documented),
    lineagePage(documented),
    sourcesPage(documented),
    runPage(documented),
    ...documented.order.map((model) => modelPage(documented, model)),
  ];
  await mkdir(path.join(folder, "modelos"), { recursive: true });
  for (const page of pages) await writeFile(path.join(folder, page.path), page.markup);
  for (const asset of ["docs.css", "docs.js"]) {
    await copyFile(path.join(import.meta.dirname, "assets", asset), path.join(folder, asset));
  }
  await writeFile(path.join(folder, "indice.js"), searchIndex(documented));
  return pages.map((page) => page.path);
}

function overviewPage(documented: Documented): SitePage {
  const { order, project, build, tests } = documented;
  const failing = [...tests.values()].filter(({ failures, allowed }) => failures > allowed).length;
  const facts = [
    { label: "modelos", value: formatCount(order.length) },
    { label: "colunas", value: formatCount(countColumns(documented)) },
    {
      label: "testes",
      value: formatCount(
        order.reduce((sum, { header }) => sum + header.tests.length, 0) +
          project.tests.length +
          project.unitTests.length,
      ),
    },
    {
      label: failing === 1 ? "teste com achados" : "testes com achados",
      value: build === undefined ? "—" : formatCount(failing),
    },
  ];
  const content = html`
<h1>Modelos de dados</h1>
<p class="descricao">Cada número dos painéis, de onde vem e o que o verifica. Escrito a partir dos arquivos SQL e do banco.</p>
<dl class="numeros">${facts.map(({ label, value }) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>
${stageTitles.map(({ stage, title, what }) => stageList(documented, { title, what, models: order.filter((model) => model.stage === stage) }))}`;
  return sitePage({ path: "index.html", title: "Visão geral", content });
}

function countColumns({ lineage }: Documented): number {
  return [...lineage.values()].reduce((sum, { columns }) => sum + columns.length, 0);
}

function stageList(
  { build }: Documented,
  {
    title,
    what,
    models,
  }: { readonly title: string; readonly what: string; readonly models: readonly Model[] },
): Html {
  const sorted = [...models].sort((a, b) => a.relation.localeCompare(b.relation, "pt-BR"));
  const cards = sorted.map((model) => {
    const rows = build?.models.get(model.name)?.rows;
    return html`<li><a href="${modelPath(model.name)}"><strong>${breakable(model.relation)}</strong><span>${firstSentence(model.header.description)}</span>${rows === null || rows === undefined ? undefined : html`<em>${rowCount(rows)}</em>`}</a></li>`;
  });
  return html`<section><h2>${title} <span class="suave">${what}</span></h2><ul class="cartoes">${cards}</ul></section>`;
}

/** A name that may go on in the next line after an underscore, not in the middle of a word. */
function breakable(name: string): Html {
  const [first = "", ...others] = name.split("_");
  return html`${first}${others.map((part) => html`_<wbr>${part}`)}`;
}

function firstSentence(text: string): string {
  return /^.*?\.(?=\s|$)/.exec(text)?.[0] ?? text;
}

function lineagePage(documented: Documented): SitePage {
  const content = html`
<h1>Linhagem</h1>
<p class="descricao">Quem lê quem, da CVDW (à esquerda) aos indicadores (à direita). Passe o mouse sobre uma caixa para ver só os seus caminhos.</p>
${graphLegend()}${drawGraph(allNodes(documented), "")}`;
  return sitePage({ path: "linhagem.html", title: "Linhagem", content, wide: true });
}

function allNodes({ order, overview }: Documented): readonly GraphNode[] {
  const models = order.map(({ name }) => ({ name, reads: overview.get(name)?.reads ?? [] }));
  const known = new Set(models.map(({ name }) => name));
  const sources = [...new Set(models.flatMap(({ reads }) => reads))]
    .filter((name) => !known.has(name))
    .sort()
    .map((name) => ({ name, reads: [] }));
  return [...sources, ...models];
}

/** A script, because a page opened from a folder may not fetch a file. */
function searchIndex({ order, lineage }: Documented): string {
  const entries = order.flatMap((model) => [
    { n: model.name, d: firstSentence(model.header.description), l: modelPath(model.name) },
    ...(lineage.get(model.name)?.columns ?? []).map(({ name }) => ({
      n: `${model.name}.${name}`,
      d: model.header.columns.get(name) ?? "",
      l: `${modelPath(model.name)}#${name}`,
    })),
  ]);
  return `window.INDICE = ${JSON.stringify(entries).replaceAll("<", "\\u003c")};\n`;
}
