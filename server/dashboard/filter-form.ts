import { addressOf, type Choice, choiceText, type Filters, withFilters } from "./filters.ts";
import { formatShortDay } from "./formats.ts";
import { type Html, html } from "./html.ts";
import type { Named } from "./read-choices.ts";
import type { Dashboard } from "./read-dashboard.ts";

/** The form of filters: a plain GET form, which the page's script applies at once. */
export function renderFilterForm(dashboard: Dashboard): Html {
  const { request, choices, hoje } = dashboard;
  const { filters, table } = request;
  const kept: readonly (readonly [string, string | undefined])[] = [
    ["conta", filters.conta],
    ["busca", table.busca],
  ];
  return html`<form class="filtros" id="filtros" action="/" method="get" role="search" aria-label="Filtros" data-vivo>
${kept.map(([name, value]) => (value === undefined ? html`` : html`<input type="hidden" name="${name}" value="${value}">`))}
<div class="campo"><label for="f-de">De</label><input type="date" id="f-de" name="de" value="${filters.de ?? ""}" max="${hoje}"></div>
<div class="campo"><label for="f-ate">Até</label><input type="date" id="f-ate" name="ate" value="${filters.ate ?? ""}" max="${hoje}"></div>
${select({ name: "empreendimento", label: "Empreendimento", all: "Todos", options: namedOptions(choices.empreendimentos), chosen: choiceIn(filters.empreendimento, choices.empreendimentos) })}
${select({ name: "corretor", label: "Corretor", all: "Todos", options: namedOptions(choices.corretores), chosen: choiceIn(filters.corretor, choices.corretores) })}
${select({ name: "time", label: "Time", all: "Todos", options: choices.times.map((time) => ({ value: time, text: time })), chosen: filters.time })}
<div class="campo acoes"><button type="submit" id="f-aplicar">Filtrar</button></div>
<p class="atalhos"><span>Período:</span> ${shortcuts(dashboard)}</p>
</form>
${chips(dashboard)}`;
}

/** The chosen filters in words, as they stand on the page and on paper. */
export function filterWords({ request, choices }: Dashboard): readonly {
  readonly text: string;
  readonly without: Filters;
}[] {
  const { conta, de, ate, empreendimento, corretor, time } = request.filters;
  const nameOf = (list: readonly Named[], choice: Choice) =>
    list.find(
      ({ id, conta }) =>
        id === choice.id &&
        (choice.conta === undefined || conta === undefined || conta === choice.conta),
    )?.nome ?? choice.id;
  return [
    ...(conta === undefined || choices.contas.length < 2
      ? []
      : [{ text: `Conta: ${conta}`, without: { conta: undefined } }]),
    ...(de === undefined && ate === undefined
      ? []
      : [{ text: periodWords(de, ate), without: { de: undefined, ate: undefined } }]),
    ...(empreendimento === undefined
      ? []
      : [
          {
            text: `Empreendimento: ${nameOf(choices.empreendimentos, empreendimento)}`,
            without: { empreendimento: undefined },
          },
        ]),
    ...(corretor === undefined
      ? []
      : [
          {
            text: `Corretor: ${nameOf(choices.corretores, corretor)}`,
            without: { corretor: undefined },
          },
        ]),
    ...(time === undefined ? [] : [{ text: `Time: ${time}`, without: { time: undefined } }]),
  ];
}

function periodWords(de: string | undefined, ate: string | undefined): string {
  if (de === undefined) return `Um ano até ${formatShortDay(ate ?? "")}`;
  if (ate === undefined) return `Desde ${formatShortDay(de)}`;
  return `De ${formatShortDay(de)} a ${formatShortDay(ate)}`;
}

function chips(dashboard: Dashboard): Html | undefined {
  const words = filterWords(dashboard);
  if (words.length === 0) return undefined;
  const none: Filters = {
    conta: undefined,
    de: undefined,
    ate: undefined,
    empreendimento: undefined,
    corretor: undefined,
    time: undefined,
  };
  const { request } = dashboard;
  return html`<ul class="escolhas" aria-label="Filtros aplicados">
${words.map(({ text, without }) => html`<li><a href="${addressOf(withFilters(request, without))}" data-vivo><span class="so-leitor">Tirar o filtro </span>${text} <span class="tirar" aria-hidden="true">✕</span></a></li>`)}
${words.length < 2 ? undefined : html`<li><a class="limpar" href="${addressOf(withFilters(request, none))}" data-vivo>Limpar tudo</a></li>`}
</ul>`;
}

type Option = { readonly value: string; readonly text: string };

function select(field: {
  readonly name: string;
  readonly label: string;
  readonly all: string;
  readonly options: readonly Option[];
  readonly chosen: string | undefined;
}): Html {
  const { name, label, all, chosen } = field;
  // What was chosen elsewhere stays chosen, also when it is none of these.
  const options =
    chosen === undefined || field.options.some(({ value }) => value === chosen)
      ? field.options
      : [{ value: chosen, text: chosen }, ...field.options];
  const option = ({ value, text }: Option) =>
    value === chosen
      ? html`<option value="${value}" selected>${text}</option>`
      : html`<option value="${value}">${text}</option>`;
  return html`<div class="campo"><label for="f-${name}">${label}</label><select id="f-${name}" name="${name}"><option value="">${all}</option>${options.map(option)}</select></div>`;
}

function namedOptions(choices: readonly Named[]): readonly Option[] {
  return choices.map((choice) => ({ value: choiceText(choice) ?? "", text: choice.nome }));
}

/** The option that a choice is, also when the address told no account, or one too many. */
function choiceIn(choice: Choice | undefined, choices: readonly Named[]): string | undefined {
  if (choice === undefined) return undefined;
  const same = choices.find(
    ({ id, conta }) =>
      id === choice.id &&
      (choice.conta === undefined || conta === undefined || conta === choice.conta),
  );
  return choiceText(same ?? choice);
}

function shortcuts({ request, hoje }: Dashboard): Html {
  const [year = 0, month = 1] = hoje.split("-").map(Number);
  const day = (y: number, m: number, d: number) =>
    new Date(Date.UTC(y, m - 1, d)).toISOString().slice(0, 10);
  const { de, ate } = request.filters;
  const stretches: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ["Padrão", undefined, undefined],
    ["Este mês", day(year, month, 1), hoje],
    ["Mês passado", day(year, month - 1, 1), day(year, month, 0)],
    ["3 meses", day(year, month - 2, 1), hoje],
    ["Este ano", day(year, 1, 1), hoje],
    ["Ano passado", day(year - 1, 1, 1), day(year - 1, 12, 31)],
  ];
  return html`${stretches.map(([name, from, to]) => {
    const isChosen = from === de && to === ate ? "true" : "false";
    return html`<a href="${addressOf(withFilters(request, { de: from, ate: to }))}" aria-current="${isChosen}" data-vivo>${name}</a> `;
  })}`;
}
