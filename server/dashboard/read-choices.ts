import { sql } from "../../extract/query.ts";
import type { Snapshot } from "../read-published.ts";
import type { Choice, Filters } from "./filters.ts";
import { selectRecords } from "./records.ts";
import { accountCondition } from "./sales-scope.ts";

/** One that can be chosen in a filter. */
export type Named = Choice & { readonly nome: string };

/** What the filters offer. */
export type Choices = {
  /** Accounts that the reader may see. */
  readonly contas: readonly string[];
  readonly empreendimentos: readonly Named[];
  /** Those with most value sold, when there are too many to choose from. */
  readonly corretores: readonly Named[];
  readonly times: readonly string[];
};

const mostBrokers = 300;
const mostDevelopments = 500;

/**
 * The filters' choices of an account, or of all; an account is told only when there are several.
 * Developments and brokers that ever sold, the chosen ones always among them.
 */
export async function readChoices(snapshot: Snapshot, filters: Filters): Promise<Choices> {
  const accounts = await selectRecords(
    snapshot,
    sql`select conta from marts.contas where ${accountCondition({})} order by conta`,
  );
  const contas = accounts.map((row) => row.text("conta"));
  const tellsAccount = filters.conta === undefined && contas.length > 1;
  const named = async (statement: Parameters<typeof selectRecords>[1]) =>
    (await selectRecords(snapshot, statement)).map((row) => ({
      conta: tellsAccount ? row.text("conta") : undefined,
      id: row.text("id"),
      nome: tellsAccount ? `${row.text("nome")} · ${row.text("conta")}` : row.text("nome"),
    }));
  const isChosen = (column: string, choice: Choice | undefined) =>
    sql`coalesce(${sql.ident(column)} = ${choice?.id ?? null}::bigint, false)`;
  const empreendimentos = await named(sql`
    select
        conta,
        empreendimento_id as id,
        coalesce(empreendimento, 'Sem nome (' || empreendimento_id || ')') as nome
    from marts.empreendimentos
    where ${accountCondition(filters)}
    order by ${isChosen("empreendimento_id", filters.empreendimento)} desc, valor_vendido desc
    limit ${mostDevelopments}::integer`);
  const corretores = await named(sql`
    select
        conta,
        corretor_id as id,
        coalesce(max(corretor), 'Sem nome (' || corretor_id || ')') as nome
    from marts.vendas
    where ${accountCondition(filters)} and corretor_id is not null and data_venda <= elt.hoje()
    group by conta, corretor_id
    order by ${isChosen("corretor_id", filters.corretor)} desc, sum(valor) desc nulls last
    limit ${mostBrokers}::integer`);
  const times = await selectRecords(
    snapshot,
    sql`
      select distinct coalesce(time_corretor, 'Sem Time') as time
      from marts.vendas
      where ${accountCondition(filters)} and data_venda <= elt.hoje()`,
  );
  return {
    contas,
    empreendimentos: byName(empreendimentos),
    corretores: byName(corretores),
    times: times.map((row) => row.text("time")).sort(compareNames),
  };
}

const { compare: compareNames } = new Intl.Collator("pt-BR", { numeric: true });

function byName(choices: readonly Named[]): readonly Named[] {
  return [...choices].sort((a, b) => compareNames(a.nome, b.nome));
}
