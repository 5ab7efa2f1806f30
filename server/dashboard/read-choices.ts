import { sql } from "../../extract/query.ts";
import type { Snapshot } from "../read-published.ts";
import type { Choice, Filters } from "./filters.ts";
import type { GroupedSales } from "./read-grouped-sales.ts";
import { keyOf, readBrokerNames } from "./read-rankings.ts";
import { type Row, selectRecords } from "./records.ts";
import { accountCondition, salesCondition } from "./sales-scope.ts";

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
 * Developments, and brokers that ever sold: `grouped` holds all sales of the account.
 */
export async function readChoices(
  snapshot: Snapshot,
  filters: Pick<Filters, "conta">,
  grouped: GroupedSales,
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
  const sellers = grouped.corretores
    .filter(({ id }) => id !== "")
    .sort((a, b) => b.valor - a.valor)
    .slice(0, mostBrokers);
  const names = await readBrokerNames(
    snapshot,
    sellers,
    salesCondition(filters, { de: "-infinity", ate: snapshot.hoje }),
  );
  const corretores = sellers.map(({ conta, id }): Named => {
    const nome = names.get(keyOf({ conta, id }))?.nome || `Sem nome (${id})`;
    return tellsAccount
      ? { conta, id, nome: `${nome} · ${conta}` }
      : { conta: undefined, id, nome };
  });
  const times = new Set(grouped.times.map(({ id }) => id));
  return {
    contas,
    empreendimentos: byName(empreendimentos.map(named)),
    corretores: byName(corretores),
    times: [...times].sort(compareNames),
  };
}

const { compare: compareNames } = new Intl.Collator("pt-BR", { numeric: true });

function byName(choices: readonly Named[]): readonly Named[] {
  return [...choices].sort((a, b) => compareNames(a.nome, b.nome));
}
