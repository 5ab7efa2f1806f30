import { sql } from "../../extract/query.ts";
import type { Snapshot } from "../read-published.ts";
import type { Choice, Filters } from "./filters.ts";
import { type Row, selectRecords } from "./records.ts";
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
 * Developments and brokers that ever sold.
 */
export async function readChoices(
  snapshot: Snapshot,
  filters: Pick<Filters, "conta">,
): Promise<Choices> {
  const accounts = await selectRecords(
    snapshot,
    sql`select conta from marts.contas where ${accountCondition({})} order by conta`,
  );
  const contas = accounts.map((row) => row.text("conta"));
  const tellsAccount = filters.conta === undefined && contas.length > 1;
  const named = (row: Row): Named => ({
    conta: tellsAccount ? row.text("conta") : undefined,
    id: row.text("id"),
    nome: tellsAccount ? `${row.text("nome")} · ${row.text("conta")}` : row.text("nome"),
  });
  const empreendimentos = await selectRecords(
    snapshot,
    sql`
      select
          conta,
          empreendimento_id as id,
          coalesce(empreendimento, 'Sem nome (' || empreendimento_id || ')') as nome
      from marts.empreendimentos
      where ${accountCondition(filters)}
      order by valor_vendido desc, conta, empreendimento_id
      limit ${mostDevelopments}::integer`,
  );
  // A broker's sales are few rows for each team; brokers and teams both come from them.
  const sellers = await selectRecords(
    snapshot,
    sql`
      select
          conta,
          corretor_id as id,
          max(corretor) as corretor,
          coalesce(time_corretor, 'Sem Time') as time,
          coalesce(sum(valor), 0) as valor
      from marts.vendas
      where ${accountCondition(filters)} and data_venda <= elt.hoje()
      group by conta, corretor_id, coalesce(time_corretor, 'Sem Time')
      order by coalesce(sum(valor), 0) desc, conta, corretor_id`,
  );
  const corretores = new Map<string, Named>();
  for (const row of sellers) {
    const id = row.text("id");
    const key = `${row.text("conta")} ${id}`;
    if (id === "" || corretores.has(key) || corretores.size >= mostBrokers) continue;
    const nome = row.text("corretor") || `Sem nome (${id})`;
    corretores.set(
      key,
      named({ ...row, text: (column) => (column === "nome" ? nome : row.text(column)) }),
    );
  }
  const times = new Set(sellers.map((row) => row.text("time")));
  return {
    contas,
    empreendimentos: byName(empreendimentos.map(named)),
    corretores: byName([...corretores.values()]),
    times: [...times].sort(compareNames),
  };
}

const { compare: compareNames } = new Intl.Collator("pt-BR", { numeric: true });

function byName(choices: readonly Named[]): readonly Named[] {
  return [...choices].sort((a, b) => compareNames(a.nome, b.nome));
}
