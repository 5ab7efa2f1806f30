import { type Queryable, query, sql } from "../../extract/query.ts";
import { formatChange, formatCount, formatInstant, formatMoney } from "./brazilian-text.ts";
import { openIncidents } from "./incident-record.ts";
import { type Message, type MessageContext, openText, subjectLine } from "./message.ts";

const ZONE = "America/Sao_Paulo";

const clock = new Intl.DateTimeFormat("sv-SE", {
  timeZone: ZONE,
  dateStyle: "short",
  timeStyle: "short",
});

/**
 * The day whose summary is due, `YYYY-MM-DD` in Brasília; undefined when it is earlier than the time
 * of day at which it is wanted.
 * @param digestAt minutes since midnight in Brasília
 */
export function dueDigest(now: Date, digestAt: number | undefined): string | undefined {
  if (digestAt === undefined) return undefined;
  const [day = "", time = ""] = clock.format(now).split(" ");
  const [hour = 0, minute = 0] = time.split(":").map(Number);
  return hour * 60 + minute >= digestAt ? day : undefined;
}

/** Sales of a stretch of days and of the one that it is compared with; money in reais. */
type Compared = {
  readonly stretch: "ontem" | "mes" | "ano";
  readonly vendas: number;
  readonly valor: number;
  readonly vendasBefore: number;
  readonly valorBefore: number;
};

const labels = {
  ontem: "Ontem",
  mes: "Mês até hoje",
  ano: "Ano até hoje",
} as const;

/**
 * The daily summary of an account: yesterday's sales against the day before, the month and the year
 * against the same stretch of last year, VSO of the month, and what is wrong.
 * @param day YYYY-MM-DD in Brasília
 * @returns undefined while nothing is published
 */
export async function composeDigest(
  database: Queryable,
  day: string,
  context: MessageContext,
): Promise<Message | undefined> {
  const { conta, dashboardUrl } = context;
  const [marts] = await query<{ published: Date | null; exist: boolean }>(
    database,
    sql`
      select
        (select max(published_at) from elt.publications) as published,
        to_regclass('marts.vendas') is not null
          and to_regclass('marts.vw_vso_mensal') is not null as exist`,
  );
  if (marts === undefined || marts.published === null || !marts.exist) return undefined;
  const stretches = await compareSales(database, conta, day);
  const vso = await vsoOfMonth(database, conta, day);
  const open = await openIncidents(database, conta);
  const [year, month, date] = day.split("-");
  const shortDay = `${date}/${month}/${year}`;
  return {
    subject: subjectLine(conta, `Resumo de ${shortDay}: ${headline(stretches)}`),
    tone: "neutral",
    sections: [
      {
        title: `Vendas em ${shortDay}`,
        paragraphs: [
          `Dados publicados em ${formatInstant(marts.published)}, horário de Brasília. ${openText(open)}`,
          ...(vso === undefined
            ? []
            : [`VSO do mês, as vendas sobre a oferta: ${vso.replace(".", ",")}\u00a0%.`]),
          "Antes: para ontem, anteontem; para o mês e o ano, o mesmo período do ano passado.",
        ],
      },
    ],
    table: {
      head: ["Período", "Vendas", "antes", "Valor", "antes", "Variação do valor"],
      rows: stretches.map(({ stretch, vendas, valor, vendasBefore, valorBefore }) => [
        labels[stretch],
        formatCount(vendas),
        formatCount(vendasBefore),
        formatMoney(valor),
        formatMoney(valorBefore),
        formatChange(valor, valorBefore) ?? "–",
      ]),
    },
    link: dashboardUrl,
    id: `digest.${day}`,
  };
}

function headline(stretches: readonly Compared[]): string {
  const month = stretches.find(({ stretch }) => stretch === "mes");
  return month === undefined
    ? "vendas"
    : `${formatCount(month.vendas)} vendas no mês, ${formatMoney(month.valor)}`;
}

/** Standing sales, by the definitions of the KPI views. */
async function compareSales(
  database: Queryable,
  conta: string,
  day: string,
): Promise<readonly Compared[]> {
  return query<Compared>(
    database,
    sql`
      with dia as (
        select ${day}::date as hoje
      ),
      trechos as (
        select
          'ontem' as stretch, 1 as ordem,
          hoje - 1 as de, hoje - 1 as ate, hoje - 2 as de_antes, hoje - 2 as ate_antes
        from dia
        union all
        select
          'mes', 2, date_trunc('month', hoje::timestamp)::date, hoje,
          (date_trunc('month', hoje::timestamp) - interval '1 year')::date,
          (hoje - interval '1 year')::date
        from dia
        union all
        select
          'ano', 3, date_trunc('year', hoje::timestamp)::date, hoje,
          (date_trunc('year', hoje::timestamp) - interval '1 year')::date,
          (hoje - interval '1 year')::date
        from dia
      )
      select
        trechos.stretch,
        count(*) filter (where vendas.data_venda between de and ate)::float8 as vendas,
        coalesce(sum(valor) filter (where vendas.data_venda between de and ate), 0)::float8
          as valor,
        count(*) filter (where vendas.data_venda between de_antes and ate_antes)::float8
          as "vendasBefore",
        coalesce(
          sum(valor) filter (where vendas.data_venda between de_antes and ate_antes), 0
        )::float8 as "valorBefore"
      from trechos
      left join marts.vendas
        on vendas.conta = ${conta}
        and (
          vendas.data_venda between trechos.de and trechos.ate
          or vendas.data_venda between trechos.de_antes and trechos.ate_antes
        )
      group by trechos.stretch, trechos.ordem
      order by trechos.ordem`,
  );
}

async function vsoOfMonth(
  database: Queryable,
  conta: string,
  day: string,
): Promise<string | undefined> {
  const [row] = await query<{ vso: string | null }>(
    database,
    sql`
      select vso_percentual::text as vso
      from marts.vw_vso_mensal
      where conta = ${conta} and mes = date_trunc('month', ${day}::date::timestamp)::date`,
  );
  return row?.vso ?? undefined;
}
