import type { SourceAge } from "../../runner/freshness/source-ages.ts";
import type { Publication } from "../publication.ts";
import { addressOf, type DashboardRequest, withFilters } from "./filters.ts";
import { formatAge, formatInstant } from "./formats.ts";
import { type Html, html } from "./html.ts";
import type { RunState } from "./run-state.ts";
import { renderStaleSources } from "./stale-sources.ts";

export type Heading = {
  readonly request: DashboardRequest;
  readonly contas: readonly string[];
  readonly publication: Publication;
  readonly run: RunState | undefined;
  /** Sources of the accounts shown that were read too long ago. */
  readonly stale: readonly SourceAge[];
  readonly now: Date;
  /** The name of the key with which a person logged in. */
  readonly person: string | undefined;
};

/** Loads run several times a day: older data deserve a second look. */
const staleMs = 24 * 3_600_000;

/** Title, accounts, how fresh the data are, and the way out. */
export function renderHeading(heading: Heading): Html {
  return html`<h1 class="marca">Painel de vendas</h1>
${accounts(heading)}
<div class="situacao">${freshness(heading)}${lastRun(heading)}${staleSources(heading)}</div>
<div class="comandos"><button type="button" id="imprimir" hidden>Imprimir</button>${logout(heading)}</div>`;
}

/** Everything of the heading that changes without a publication: a part of the page's tag. */
export function headingState({
  publication,
  run,
  stale,
  now,
  person,
}: Omit<Heading, "contas">): string {
  return JSON.stringify([
    formatAge(new Date(publication.em), now),
    run === undefined ? "" : `${run.outcome} ${run.em}`,
    renderStaleSources(stale, { now, contas: 2 })?.markup ?? "",
    person ?? "",
  ]);
}

function freshness({ publication, now }: Heading): Html {
  const em = new Date(publication.em);
  const look = now.getTime() - em.getTime() > staleMs ? "frescor velho" : "frescor";
  return html`<p class="${look}">dados de <time datetime="${publication.em}">${formatInstant(em)}</time> <span>(${formatAge(em, now)})</span></p>`;
}

const outcomes: Readonly<
  Record<
    RunState["outcome"],
    { readonly look: string; readonly text: string; readonly meaning: string }
  >
> = {
  done: { look: "carga", text: "última carga completa em", meaning: "" },
  running: { look: "carga", text: "carga em andamento desde", meaning: "" },
  partial: {
    look: "carga falha",
    text: "última carga incompleta em",
    meaning: ": o CV não entregou tudo",
  },
  failed: {
    look: "carga falha",
    text: "última carga falhou em",
    meaning: ": os números são os da data acima",
  },
};

function lastRun({ run }: Heading): Html | undefined {
  if (run === undefined) return undefined;
  const { look, text, meaning } = outcomes[run.outcome];
  return html`<p class="${look}">${text} <time datetime="${run.em}">${formatInstant(new Date(run.em))}</time>${meaning}</p>`;
}

function staleSources({ stale, now, contas, request }: Heading): Html | undefined {
  const shown = request.filters.conta === undefined ? contas.length : 1;
  return renderStaleSources(stale, { now, contas: shown });
}

function accounts({ contas, request }: Heading): Html | undefined {
  if (contas.length < 2) return undefined;
  // What was chosen by number belongs to one account.
  const address = (conta: string | undefined) =>
    addressOf(withFilters(request, { conta, empreendimento: undefined, corretor: undefined }));
  const link = (conta: string | undefined) =>
    html`<li><a href="${address(conta)}" aria-current="${conta === request.filters.conta ? "page" : "false"}" data-vivo>${conta ?? "Todas"}</a></li>`;
  return html`<nav class="contas" aria-label="Contas"><ul>
${link(undefined)}
${contas.map(link)}
</ul></nav>`;
}

function logout({ person }: Heading): Html | undefined {
  if (person === undefined) return undefined;
  return html`<form method="post" action="/sair"><button type="submit">Sair <span class="pessoa">(${person})</span></button></form>`;
}
