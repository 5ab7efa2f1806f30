import type { Source } from "../../runner/models/column-scope.ts";
import { usesOf } from "../../runner/models/describe-lineage.ts";
import type { Model } from "../../runner/models/project.ts";
import { formatCount, formatRoundPercent } from "../dashboard/formats.ts";
import { type Html, html } from "../dashboard/html.ts";
import type { Documented, LastTest } from "./documented.ts";
import { drawGraph, type GraphNode, graphLegend } from "./graph.ts";
import { modelPath, relationLink, rowCount, type SitePage, sitePage } from "./page.ts";
import { sqlMarkup } from "./sql-markup.ts";

const ROOT = "../";

/** The page of one model: columns, tests, neighbours, text. */
export function modelPage(documented: Documented, model: Model): SitePage {
  const built = documented.build?.models.get(model.name);
  const { header } = model;
  const facts = [
    model.build === "view" ? "visão" : "tabela",
    header.key.length > 0 ? `chave: ${header.key.join(", ")}` : undefined,
    built?.rows === null || built?.rows === undefined ? undefined : rowCount(built.rows),
    ...header.tags.map((tag) => `#${tag}`),
  ].filter((fact) => fact !== undefined);
  const content = html`
<p class="caminho">${model.file}</p>
<h1>${model.name}</h1>
<p class="descricao">${header.description || "Sem descrição."}</p>
<p class="fatos">${facts.map((fact) => html`<span class="etiqueta">${fact}</span>`)}</p>
<p class="suave">${howItIsUpdated(documented, model)}</p>
<section><h2>De onde vem e quem usa</h2>${graphLegend()}${drawGraph(neighbours(documented, model), ROOT, model.name)}</section>
<section><h2>Colunas</h2>${columnsTable(documented, model)}</section>
<section><h2>Testes</h2>${testsTable(documented, model)}</section>
${guardsSection(model)}
<section><h2>SQL</h2>${sqlMarkup(model.text)}</section>`;
  return sitePage({ path: modelPath(model.name), title: model.name, content });
}

function howItIsUpdated({ overview }: Documented, model: Model): Html {
  const own = overview.get(model.name);
  if (model.build === "view") return html`Calculada no momento em que alguém a lê.`;
  if (own?.keyLocal === true) {
    return html`A cada publicação, só as chaves que mudaram são recalculadas.`;
  }
  return html`A cada publicação em que algo mudou, é recalculada inteira. <details><summary>motivo</summary>${own?.because ?? ""}</details>`;
}

function neighbours({ order, overview, project }: Documented, model: Model): readonly GraphNode[] {
  const own = overview.get(model.name);
  const names = new Set([model.name, ...(own?.reads ?? []), ...(own?.readBy ?? [])]);
  const models = order
    .filter(({ name }) => names.has(name))
    .map(({ name }) => ({
      name,
      reads: (overview.get(name)?.reads ?? []).filter(
        (read) => name === model.name || read === model.name,
      ),
    }));
  const known = new Set(models.map(({ name }) => name));
  const sources = [...names]
    .filter((name) => !known.has(name))
    .map((name) => ({ name, reads: [] }));
  return [...sources, ...models].filter(
    ({ name }) => !name.startsWith("seeds.") || project.seeds.some((seed) => seed.name === name),
  );
}

function columnsTable({ lineage, types, maskOf }: Documented, model: Model): Html {
  const columns = lineage.get(model.name)?.columns ?? [];
  const rows = columns.map(({ name, copied, sources }) => {
    const mask = model.header.pii.get(name) ?? maskOf(model.name, name);
    const uses = usesOf(lineage, { relation: model.name, column: name });
    const isKey = model.header.key.includes(name);
    return html`<tr id="${name}">
<th scope="row"><code>${name}</code>${isKey ? html`<span class="etiqueta pequena">chave</span>` : undefined}${mask === undefined ? undefined : html`<span class="etiqueta pequena pessoal" title="${model.schema === "marts" ? "mascarado em marts; o valor claro fica em marts_pii" : "dado pessoal em claro; marts publica mascarado"}">dado pessoal</span>`}</th>
<td class="tipo">${types.get(model.name)?.get(name) ?? "—"}</td>
<td>${model.header.columns.get(name) ?? ""}</td>
<td class="origem">${sources.length === 0 ? html`<span class="suave">calculada sem ler colunas</span>` : html`${sourceList(copied ? "" : "calculada de ", sources)}`}</td>
<td class="origem">${uses.columns.length === 0 ? html`<span class="suave">—</span>` : sourceList("", uses.columns)}</td>
</tr>`;
  });
  return html`<div class="rolagem" role="region" aria-label="Colunas" tabindex="0"><table class="colunas">
<thead><tr><th scope="col">Coluna</th><th scope="col">Tipo</th><th scope="col">O que é</th><th scope="col">Vem de</th><th scope="col">Alimenta</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

const SHOWN_SOURCES = 4;

function sourceList(before: string, sources: readonly Source[]): Html {
  const items = sources.map((source) => html`<li>${sourceLink(source)}</li>`);
  const first = html`<ul>${items.slice(0, SHOWN_SOURCES)}</ul>`;
  const rest = items.slice(SHOWN_SOURCES);
  if (rest.length === 0) return html`${before}${first}`;
  return html`${before}${first}<details><summary>mais ${rest.length}</summary><ul>${rest}</ul></details>`;
}

function sourceLink({ relation, column }: Source): Html {
  const link = relationLink(ROOT, relation);
  const short = relation.replace(/_atual$/, "");
  if (column === "*")
    return html`<a href="${link}">${short}</a> <span class="suave">(linhas)</span>`;
  const field = column.replace(/^payload\./, "");
  const anchor = link.includes("#") ? link : `${link}#${column}`;
  return html`<a href="${anchor}"><span class="suave">${short}.</span><wbr>${field}</a>`;
}

function testsTable({ tests, project }: Documented, model: Model): Html {
  const named = [
    ...(model.header.key.length > 0
      ? [
          {
            label: `chave (${model.header.key.join(", ")}): única e sem nulos`,
            test: "",
            severity: "error",
          },
        ]
      : []),
    ...model.header.tests.map(({ label, severity }) => ({ label, test: label, severity })),
  ];
  const rows = named.map(({ label, test, severity }) => {
    const last = tests.get(`${model.name} ${test}`);
    return html`<tr><td><code>${label}</code></td><td>${severity === "error" ? "impede a publicação" : "avisa"}</td><td>${test === "" ? html`<span class="bom">verificada a cada publicação</span>` : outcome(last)}</td></tr>`;
  });
  const units = project.unitTests.filter((unit) => unit.model === model.name);
  const unitList =
    units.length === 0
      ? undefined
      : html`<h3>Testes de unidade</h3><ul class="unidade">${units.map((unit) => html`<li>${unit.name}</li>`)}</ul>`;
  if (rows.length === 0 && units.length === 0) return html`<p class="suave">Nenhum teste.</p>`;
  return html`<div class="rolagem" role="region" aria-label="Testes" tabindex="0"><table><thead><tr><th scope="col">Teste</th><th scope="col">Se falha</th><th scope="col">Último resultado</th></tr></thead><tbody>${rows}</tbody></table></div>${unitList}`;
}

/** How far the guarded numbers may move in one publication. */
function guardsSection({ header: { guards } }: Model): Html | undefined {
  if (guards.length === 0) return undefined;
  const rows = guards.map(
    ({ kpi, expression, sharePercent, rowsPercent, fromRows }) => html`<tr>
<th scope="row"><code>${kpi}</code></th><td><code>${expression}</code></td>
<td class="numero">${formatRoundPercent(Number(sharePercent))}</td><td class="numero">${formatRoundPercent(Number(rowsPercent))}</td><td class="numero">${formatCount(fromRows)}</td></tr>`,
  );
  return html`<section><h2>Indicadores vigiados</h2>
<p class="suave">Uma publicação que os mova mais do que isto, por conta, sem que as linhas que mudaram na origem expliquem a diferença até o centavo, espera por <code>elt publish --accept</code>.</p>
<div class="rolagem" role="region" aria-label="Limites de variação" tabindex="0"><table><thead><tr><th scope="col">Indicador</th><th scope="col">Cálculo</th><th scope="col" class="numero">Variação máxima</th><th scope="col" class="numero">Linhas, no máximo</th><th scope="col" class="numero">A partir de quantas linhas</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

/** How a test went when it last ran. */
export function outcome(last: LastTest | undefined): Html {
  if (last === undefined) return html`<span class="suave">ainda não rodou</span>`;
  if (last.failures === 0) return html`<span class="bom">passou</span>`;
  const rows =
    last.failures === 1 ? "1 linha falha" : `${formatCount(last.failures)} linhas falham`;
  return last.failures > last.allowed
    ? html`<span class="ruim">${rows}</span>`
    : html`<span class="bom">${rows}, dentro do limite</span>`;
}
