import { formatCount } from "../dashboard/formats.ts";
import { type Html, html } from "../dashboard/html.ts";
import type { BuiltModel, Documented } from "./documented.ts";
import { outcome } from "./model-page.ts";
import { relationLink, type SitePage, sitePage } from "./page.ts";

const instant = new Intl.DateTimeFormat("pt-BR", {
  dateStyle: "long",
  timeStyle: "short",
  timeZone: "America/Sao_Paulo",
});

const modes: Readonly<Record<string, string>> = {
  first: "primeira vez",
  whole: "inteira",
  incremental: "só o que mudou",
  unchanged: "nada mudou",
  view: "visão recriada",
  seed: "mapeamento",
};

/** The last run that built: what it did to each relation, and the tests with findings. */
export function runPage(documented: Documented): SitePage {
  const { build, order, project } = documented;
  const names = [...project.seeds.map(({ name }) => name), ...order.map(({ name }) => name)];
  const built = names.flatMap((name) => build?.models.get(name) ?? []);
  const content =
    build === undefined
      ? html`<h1>Última execução</h1><p class="descricao">Nada foi construído ainda.</p>`
      : html`
<h1>Última execução</h1>
<p class="descricao">Execução ${build.run}, ${instant.format(build.startedAt)} (Brasília)${build.seconds === null ? "" : `, ${build.seconds.toFixed(1).replace(".", ",")} s`}.</p>
<p>${build.exitCode === 0 ? html`<span class="bom">Publicada.</span>` : build.exitCode === null ? html`<span class="suave">Em andamento ou interrompida.</span>` : html`<span class="ruim">Terminou com o código ${build.exitCode}.</span>`}</p>
${build.exitCode === 1 && build.error !== null ? html`<pre class="erro">${build.error}</pre>` : undefined}
<section><h2>Testes com achados</h2>${findings(documented)}</section>
<section><h2>Modelos</h2>${modelsTable(built)}</section>`;
  return sitePage({ path: "execucao.html", title: "Última execução", content });
}

function findings({ tests }: Documented): Html {
  const found = [...tests.values()].filter(({ failures }) => failures > 0);
  if (found.length === 0)
    return html`<p class="bom">Nenhum: todas as linhas passam em todos os testes.</p>`;
  const rows = found.map(
    (test) =>
      html`<tr><td>${test.model.includes(".") ? html`<a href="${relationLink("", test.model)}">${test.model}</a>` : html`${test.model}`}</td><td><code>${test.test}</code></td><td>${outcome(test)}</td></tr>`,
  );
  return html`<div class="rolagem" role="region" aria-label="Testes com achados" tabindex="0"><table><thead><tr><th scope="col">Modelo</th><th scope="col">Teste</th><th scope="col">Resultado</th></tr></thead><tbody>${rows}</tbody></table></div>
<p class="suave">As linhas que falham: <code>select * from elt.failing_rows order by run_id desc</code></p>`;
}

function modelsTable(models: readonly BuiltModel[]): Html {
  const number = (value: number | null) => (value === null ? "" : formatCount(value));
  const change = (value: number | null) => (value === 0 ? "–" : number(value));
  const rows = models.map(
    ({ model, status, rows: total, added, changed, removed, ms, mode }) =>
      html`<tr><td><a href="${relationLink("", model)}">${model}</a></td><td>${status === "failed" ? html`<span class="ruim">falhou</span>` : (modes[mode ?? ""] ?? "")}</td><td class="numero">${number(total)}</td><td class="numero">${change(added)}</td><td class="numero">${change(changed)}</td><td class="numero">${change(removed)}</td><td class="numero">${ms === null ? "" : `${formatCount(ms)} ms`}</td></tr>`,
  );
  return html`<div class="rolagem" role="region" aria-label="Modelos construídos" tabindex="0"><table><thead><tr><th scope="col">Modelo</th><th scope="col">Como</th><th scope="col" class="numero">Linhas</th><th scope="col" class="numero">Novas</th><th scope="col" class="numero">Mudadas</th><th scope="col" class="numero">Retiradas</th><th scope="col" class="numero">Tempo</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}
