import type { Seed } from "../../runner/models/seed.ts";
import {
  type Comissao,
  type CommissionTotal,
  readComissoes,
  sumCommissions,
} from "./commissions.ts";
import { groupBy } from "./group.ts";
import { type Mappings, readMappings } from "./mappings.ts";
import {
  type Condicao,
  type Leitura,
  readCondicoes,
  sumPayments,
  type Valores,
} from "./payments.ts";
import {
  type Reserva,
  readReservas,
  type SourceAccount,
  standingSales,
  type Venda,
} from "./reservas.ts";
import { readUnidades, type Unidade } from "./units.ts";

/** Everything that one account's marts rest on, computed from its records alone. */
export type AccountFacts = {
  readonly conta: string;
  readonly reservas: readonly Reserva[];
  /** Standing sales, future-dated ones included. */
  readonly vendas: readonly Venda[];
  readonly unidades: readonly Unidade[];
  readonly comissoes: readonly Comissao[];
  readonly condicoes: readonly Condicao[];
  readonly leitura: Leitura;
  readonly valoresOf: (reserva: Reserva) => Valores;
  readonly commissionOf: (reserva: Reserva) => CommissionTotal;
};

/** Reads accounts' records by the definitions of the marts and the mappings of a project. */
export function readAccounts(
  accounts: readonly SourceAccount[],
  { seeds }: { readonly seeds: readonly Seed[] },
): readonly AccountFacts[] {
  const mappings = readMappings(seeds);
  return accounts.map((account) => readAccount(account, mappings));
}

function readAccount(account: SourceAccount, mappings: Mappings): AccountFacts {
  const reservas = readReservas(account, mappings);
  const vendas = standingSales(reservas);
  const comissoes = readComissoes(account);
  const { condicoes, leitura } = readCondicoes(account, vendas, mappings);
  const paymentsOf = groupBy(condicoes, (row) => row.reservaId);
  const commissionsOf = groupBy(comissoes, (row) => row.reservaId);
  return {
    conta: account.conta,
    reservas,
    vendas,
    unidades: readUnidades(account),
    comissoes,
    condicoes,
    leitura,
    valoresOf: (reserva) => sumPayments(reserva, paymentsOf.get(reserva.id) ?? []),
    commissionOf: (reserva) => sumCommissions(commissionsOf.get(reserva.id) ?? []),
  };
}
