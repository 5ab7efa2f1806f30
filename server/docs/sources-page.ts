import { findObject } from "../../extract/catalogue.ts";
import { projectFreshness } from "../../runner/freshness/project-freshness.ts";
import type { SourceAge } from "../../runner/freshness/source-ages.ts";
import { landingObjects } from "../../runner/models/order.ts";
import { formatAge, formatCount } from "../dashboard/formats.ts";
import { type Html, html } from "../dashboard/html.ts";
import type { Documented, LastRead } from "./documented.ts";
import { relationLink, type SitePage, sitePage } from "./page.ts";

const instant = new Intl.DateTimeFormat("pt-BR", {
  dateStyle: "short",
  timeStyle: "short",
  timeZone: "America/Sao_Paulo",
});

const verdicts: Readonly<Record<string, string>> = {
  proven: "completa",
  unproven: "incompleta: os registros mudaram durante a leitura",
  failed: "falhou",
  running: "em andamento",
  stopped: "interrompida, continua na próxima",
};

/** What the models read from outside: objects of CVDW and mappings. */
export function sourcesPage(documented: Documented): SitePage {
  const objects = [...landingObjects(documented.order)].sort();
  const content = html`
<h1>Fontes</h1>
<p class="descricao">Os objetos da CVDW que os modelos leem, com os campos que usam, e os mapeamentos que a sua equipe edita.</p>
<section><h2>Objetos da CVDW</h2>${objects.map((object) => objectCard(documented, object))}</section>
<section><h2>Mapeamentos</h2>${documented.project.seeds.map((seed) => seedCard(documented, seed.name, seed.columns, seed.rows.length))}</section>`;
  return sitePage({ path: "fontes.html", title: "Fontes", content });
}

function objectCard(documented: Documented, object: string): Html {
  const relation = `landing.${object}`;
  const fields = fieldsUsed(documented, `${relation}_atual`);
  const reads = documented.objects.get(object) ?? [];
  const ageOf = (account: string) =>
    documented.ages.find((age) => age.object === object && age.conta === account);
  return html`<article class="cartao" id="${relation}">
<h3>${object}</h3>
<p class="suave"><code>GET ${findObject(object)?.path ?? ""}</code> · lido por ${readers(documented, `${relation}_atual`)}</p>
${freshRule(documented, object)}
${readTable(object, reads, ageOf)}
<details><summary>${fields.size} campos usados</summary><ul class="campos">${[...fields].sort().map((field) => html`<li><code>${field}</code></li>`)}</ul></details>
</article>`;
}

function fieldsUsed({ lineage }: Documented, relation: string): ReadonlySet<string> {
  const sources = [...lineage.values()].flatMap(({ columns, filters }) => [
    ...columns.flatMap((column) => column.sources),
    ...filters,
  ]);
  return new Set(
    sources
      .filter((source) => source.relation === relation && source.column.startsWith("payload."))
      .map(({ column }) => column.slice("payload.".length)),
  );
}

function readers({ order, overview }: Documented, relation: string): readonly Html[] {
  const names = order.filter(({ name }) => overview.get(name)?.reads.includes(relation));
  return names.map(
    ({ name }, i) => html`${i > 0 ? ", " : ""}<a href="${relationLink("", name)}">${name}</a>`,
  );
}

/** How old it may be, as its staging model says. */
function freshRule({ order }: Documented, object: string): Html | undefined {
  const declared = projectFreshness(order).find((one) => one.object === object);
  if (declared === undefined) return undefined;
  const { warnSeconds, errorSeconds, blocks } = declared;
  const error = blocks
    ? "erro, e o que depende dele fica como foi publicado, depois de"
    : "erro depois de";
  const rules = [
    ...(warnSeconds === null ? [] : [`aviso depois de ${duration(warnSeconds)}`]),
    ...(errorSeconds === null ? [] : [`${error} ${duration(errorSeconds)}`]),
  ];
  return html`<p class="suave">Sem leitura completa: ${rules.join("; ")}.</p>`;
}

function duration(seconds: number): string {
  const [size, unit] =
    seconds % 86_400 === 0
      ? ([86_400, "day"] as const)
      : seconds % 3_600 === 0
        ? ([3_600, "hour"] as const)
        : ([60, "minute"] as const);
  const options = { style: "unit", unit, unitDisplay: "long" } as const;
  return new Intl.NumberFormat("pt-BR", options).format(seconds / size);
}

function freshState(age: SourceAge | undefined): Html {
  if (age === undefined) return html`—`;
  if (age.level === "fresh") return html`<span class="bom">em dia</span>`;
  const since = new Date(0);
  const told =
    age.readAt === null
      ? "nunca lida até o fim"
      : `lida até o fim ${formatAge(since, new Date(age.ageSeconds * 1_000))}`;
  return html`<span class="ruim">atrasada: ${told}</span>`;
}

function readTable(
  object: string,
  reads: readonly LastRead[],
  ageOf: (account: string) => SourceAge | undefined,
): Html {
  if (reads.length === 0) return html`<p class="suave">Ainda não foi lido.</p>`;
  const rows = reads.map(
    ({ conta, at, records, verdict }) =>
      html`<tr><td>${conta}</td><td>${at === null ? "—" : instant.format(at)}</td><td class="numero">${formatCount(records)}</td><td>${verdicts[verdict] ?? verdict}</td><td>${freshState(ageOf(conta))}</td></tr>`,
  );
  return html`<div class="rolagem" role="region" aria-label="Leituras de ${object}" tabindex="0"><table><thead><tr><th scope="col">Conta</th><th scope="col">Última leitura</th><th scope="col" class="numero">Registros lidos</th><th scope="col">Leitura</th><th scope="col">Atualidade</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function seedCard(
  documented: Documented,
  name: string,
  columns: readonly string[],
  rows: number,
): Html {
  const file = `models/seeds/${name.replace("seeds.", "")}.csv`;
  return html`<article class="cartao" id="${name}">
<h3>${name.replace("seeds.", "")}</h3>
<p class="suave"><code>${file}</code> · ${rows === 1 ? "1 linha" : `${formatCount(rows)} linhas`} · lido por ${readers(documented, name)}</p>
<p>Colunas: ${columns.map((column, i) => html`${i > 0 ? ", " : ""}<code>${column}</code>`)}</p>
</article>`;
}
