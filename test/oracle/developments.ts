import type { AccountFacts } from "./account.ts";
import type { Reserva } from "./reservas.ts";
import type { Unidade } from "./units.ts";

/** A development: the source has no object for it, so it is what units and reservations name. */
export type Development = {
  readonly id: bigint;
  readonly nome: string | null;
  readonly tipo: string | null;
  readonly unidades: readonly Unidade[];
};

/** The developments of units and reservations; named by its units, else by its newest reservation. */
export function developmentsOf(facts: AccountFacts): readonly Development[] {
  const ids = new Set([
    ...facts.unidades.map((unit) => unit.empreendimentoId),
    ...facts.reservas.map((reserva) => reserva.empreendimentoId),
  ]);
  return [...ids].flatMap((id): Development[] => {
    if (id === null) return [];
    const unidades = facts.unidades.filter((unit) => unit.empreendimentoId === id);
    const reservas = facts.reservas.filter((reserva) => reserva.empreendimentoId === id);
    const newest = newestFirst(reservas).find((reserva) => reserva.empreendimento !== null);
    const nome = newestUnits(unidades).find((unit) => unit.empreendimento !== null);
    const tipo = newestUnits(unidades).find((unit) => unit.tipoEmpreendimento !== null);
    return [
      {
        id,
        nome: nome?.empreendimento ?? newest?.empreendimento ?? null,
        tipo: tipo?.tipoEmpreendimento ?? null,
        unidades,
      },
    ];
  });
}

/** Newest by creation, undated ones last; the higher id breaks ties. */
export function newestFirst(reservas: readonly Reserva[]): readonly Reserva[] {
  return byNewest(reservas, (reserva) => reserva.dataReserva);
}

function newestUnits(unidades: readonly Unidade[]): readonly Unidade[] {
  return byNewest(unidades, (unit) => unit.atualizadoEm);
}

function byNewest<Row extends { readonly id: bigint }>(
  rows: readonly Row[],
  stampOf: (row: Row) => string | null,
): readonly Row[] {
  const stamp = (row: Row) => stampOf(row) ?? "";
  return rows.toSorted((a, b) => {
    if (stamp(a) !== stamp(b)) return stamp(a) < stamp(b) ? 1 : -1;
    return a.id < b.id ? 1 : -1;
  });
}
