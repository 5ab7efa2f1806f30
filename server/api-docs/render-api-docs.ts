import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import express, { type RequestHandler } from "express";
import { type Html, html } from "../dashboard/html.ts";
import { kpiRoutes } from "../kpi-routes.ts";
import { jsonRowCap } from "../marts/answer-rows.ts";
import type { MartColumn, Relation } from "../marts/catalogue.ts";
import { operatorsOf } from "../marts/read-condition.ts";
import { type Reader, seesPersonalData } from "../reader.ts";
import { exampleFilter } from "./openapi.ts";

const assetsDirectory = path.join(import.meta.dirname, "assets");
const stylesheetVersion = createHash("sha256")
  .update(readFileSync(path.join(assetsDirectory, "api.css")))
  .digest("hex")
  .slice(0, 12);

/** Serves the page's style sheet, which holds no data, to everybody. */
export function answerApiDocsAssets(): RequestHandler {
  return express.static(assetsDirectory, {
    index: false,
    immutable: true,
    maxAge: "1y",
    setHeaders: (response) => {
      response.removeHeader("Vary");
    },
  });
}

/** The API's guide: what can be asked for, with addresses to try, in Portuguese. */
export function renderApiDocs(relations: readonly Relation[], reader: Reader): string {
  const tables = relations.filter(({ kind }) => kind === "table");
  const views = relations.filter(({ kind }) => kind === "view");
  return html`<!doctype html>
<html lang="pt-BR">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>API de dados</title>
<link rel="icon" href="/assets/icone.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/api/api.css?v=${stylesheetVersion}">
</head>
<body>
<a class="pular" href="#conteudo">Ir para o conteúdo</a>
<nav aria-label="Nesta página">
<p class="marca"><a href="/">Painel de vendas</a></p>
<ul>
<li><a href="#uso">Como usar</a></li>
<li><a href="#filtros">Filtros, ordem e páginas</a></li>
<li><a href="#formatos">Formatos</a></li>
<li><a href="#indicadores">Indicadores</a></li>
</ul>
<p class="grupo">Tabelas</p>
<ul>${tables.map(navigationEntry)}</ul>
<p class="grupo">Visões</p>
<ul>${views.map(navigationEntry)}</ul>
</nav>
<main id="conteudo">
<h1>API de dados</h1>
<p class="entrada">Os mesmos números do painel e do BI, para planilhas e programas. Tudo é leitura.
A descrição para programas está em <a href="/api/openapi.json">/api/openapi.json</a> (OpenAPI 3.1).</p>
${usage(reader)}
${grammar()}
${formats()}
${indicators()}
<h2>Tabelas</h2>
${tables.map((relation) => section(relation, reader))}
<h2>Visões</h2>
${views.map((relation) => section(relation, reader))}
</main>
</body>
</html>
`.markup;
}

function navigationEntry({ name }: Relation): Html {
  return html`<li><a href="#${name}">${name}</a></li>`;
}

function usage(reader: Reader): Html {
  const who =
    reader.key === undefined
      ? html`<p>Este servidor só atende esta máquina e não pede chave.</p>`
      : html`<p>Você está usando a chave <strong>${reader.key}</strong>, que vê ${
          reader.contas.length === 0 ? "todas as contas" : `as contas ${reader.contas.join(", ")}`
        } e ${seesPersonalData(reader) ? "os dados pessoais em claro" : "os dados pessoais mascarados"}.</p>`;
  return html`<section id="uso"><h2>Como usar</h2>
<p>A chave vai em <code>Authorization: Bearer</code>, em <code>X-API-Key</code> ou como senha, com
qualquer nome de usuário, onde um navegador ou uma planilha a pedir.</p>
${who}
<pre><code>curl ${reader.key === undefined ? "" : '-H "Authorization: Bearer $CHAVE" '}"http://servidor:5000/api/marts/vendas?limit=10"</code></pre>
<p>Cada resposta vem de uma única publicação: <code>publicacao</code> diz qual. Guarde o
<code>ETag</code> e mande-o em <code>If-None-Match</code>: enquanto nada mudar, a resposta é
<code>304</code>, sem corpo. Um pedido errado recebe <code>application/problem+json</code>, com o
nome do parâmetro em <code>parametro</code> e o que fazer em <code>detail</code>.</p></section>`;
}

function grammar(): Html {
  const rows: readonly (readonly [string, string])[] = [
    ["?select=conta,reserva_id,valor", "só estas colunas, nesta ordem"],
    ["?valor=gte.500000", "igual eq, diferente neq, maior gt e gte, menor lt e lte"],
    [
      "?empreendimento=ilike.*mar*",
      "parte do texto, sem distinguir maiúsculas; like distingue; * é qualquer texto",
    ],
    [
      '?status=in.(Vendida,"Contrato, assinado")',
      "um da lista; vírgulas e parênteses só entre aspas",
    ],
    ["?midia=is.null", "vazio; is.not_null, preenchido; is.true e is.false nas colunas booleanas"],
    ["?conta=not.eq.exemplo", "not. nega qualquer filtro"],
    ["?or=(valor.gt.900000,midia.is.null)", "uma das condições; and(…) e or(…) podem ficar dentro"],
    [
      "?order=data_venda.desc,valor.desc.nullslast",
      "ordem; depois dela vale a chave, que não deixa empate",
    ],
    ["?limit=100", "uma página; proxima e o cabeçalho Link levam à seguinte"],
  ];
  return html`<section id="filtros"><h2>Filtros, ordem e páginas</h2>
<p>A gramática é a do PostgREST. Filtros de colunas diferentes valem todos ao mesmo tempo.
Números têm ponto decimal; dias são <code>2026-01-31</code>; instantes sem fuso são hora de
Brasília.</p>
<div class="rolagem"><table><thead><tr><th scope="col">Parâmetro</th><th scope="col">O que faz</th></tr></thead>
<tbody>${rows.map(
    ([example, meaning]) =>
      html`<tr><td><a href="/api/marts/vendas${example}"><code>${example}</code></a></td><td>${meaning}</td></tr>`,
  )}</tbody></table></div>
<p>Para ler muitas páginas siga <code>proxima</code>: o cursor dela continua de onde a página
parou, mesmo que linhas entrem no meio. <code>offset</code> serve para saltos curtos.</p></section>`;
}

function formats(): Html {
  const rows: readonly (readonly [string, string, string])[] = [
    [
      "json",
      "application/json",
      `até ${jsonRowCap.toLocaleString("pt-BR")} linhas por resposta; se houver mais, truncado é true e X-Truncado avisa`,
    ],
    ["ndjson", "application/x-ndjson", "uma linha JSON por registro, sem limite"],
    ["csv", "text/csv", "vírgula, ponto decimal, UTF-8, cabeçalho, sem limite"],
    [
      "arrow",
      "application/vnd.apache.arrow.stream",
      "tipos exatos (decimal128, date32, timestamp em UTC, int64), sem limite: pandas, Polars, DuckDB, R",
    ],
  ];
  return html`<section id="formatos"><h2>Formatos</h2>
<p>Escolha por <code>?format=</code> ou pelo cabeçalho <code>Accept</code>. Os três últimos saem em
fluxo: a tabela inteira, de qualquer tamanho, e sem ordem se nem <code>order</code> nem
<code>limit</code> forem pedidos. Com <code>Accept-Encoding</code> a resposta sai comprimida (br ou gzip).</p>
<div class="rolagem"><table><thead><tr><th scope="col">format</th><th scope="col">Accept</th><th scope="col">Como sai</th></tr></thead>
<tbody>${rows.map(
    ([format, type, meaning]) =>
      html`<tr><td><a href="/api/marts/vendas?format=${format}"><code>${format}</code></a></td><td><code>${type}</code></td><td>${meaning}</td></tr>`,
  )}</tbody></table></div></section>`;
}

function indicators(): Html {
  return html`<section id="indicadores"><h2>Indicadores</h2>
<p>Endereços prontos, em JSON ou Arrow; <code>?conta=</code> escolhe uma conta.</p>
<ul class="enderecos">${kpiRoutes.map(({ path: address }) => html`<li><a href="${address}"><code>${address}</code></a></li>`)}</ul></section>`;
}

function section(relation: Relation, reader: Reader): Html {
  const { name, comment, key, rowEstimate, columns } = relation;
  const facts = [
    key.length === 0 ? "" : `chave: ${key.join(", ")}`,
    rowEstimate === null ? "" : `cerca de ${rowEstimate.toLocaleString("pt-BR")} linhas`,
  ].filter((fact) => fact !== "");
  return html`<section id="${name}" class="relacao">
<h3><a href="/api/marts/${name}?limit=100"><code>/api/marts/${name}</code></a></h3>
<p>${comment ?? ""}</p>
${facts.length === 0 ? undefined : html`<p class="suave">${facts.join(" · ")}</p>`}
<p class="suave">Exportar:
<a href="/api/marts/${name}?format=csv">CSV</a> ·
<a href="/api/marts/${name}?format=arrow">Arrow</a> ·
<a href="/api/marts/${name}?format=ndjson">NDJSON</a></p>
<details><summary>${columns.length} colunas</summary>
<div class="rolagem"><table><thead><tr><th scope="col">Coluna</th><th scope="col">Tipo</th><th scope="col">O que é</th><th scope="col">Filtro</th></tr></thead>
<tbody>${columns.map((column) => columnRow(relation, column, reader))}</tbody></table></div></details>
</section>`;
}

function columnRow({ name, clear }: Relation, column: MartColumn, reader: Reader): Html {
  const personal = clear?.columns.has(column.name) === true;
  const filter = `${column.name}=${exampleFilter(column)}`;
  return html`<tr><td><code>${column.name}</code></td>
<td>${column.sqlType}</td>
<td>${column.comment ?? ""}${
    personal
      ? html` <span class="selo">${seesPersonalData(reader) ? "em claro" : "mascarado"}</span>`
      : undefined
  }</td>
<td><a href="/api/marts/${name}?${filter}&amp;limit=100" title="Operadores: ${operatorsOf(column).join(", ")}"><code>${filter}</code></a></td></tr>`;
}
