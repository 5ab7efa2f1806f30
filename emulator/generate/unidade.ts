import { type Empreendimento, firstId, type Market, randomFor } from "./market.ts";

export type Unidade = {
  readonly id: number;
  readonly position: number;
  readonly empreendimento: Empreendimento;
  readonly bloco: string;
  readonly andar: number;
  readonly nome: string;
  /** Square metres. */
  readonly area: number;
  /** List price today, in cents. */
  readonly tabela: number;
};

/** The unit at a position: where it stands, its size, its list price. */
export function describeUnit(market: Market, position: number): Unidade {
  const { slots, empreendimentos } = market;
  const [e, nth] = slots[position % slots.length] ?? [0, 0];
  const empreendimento = empreendimentos[e];
  if (empreendimento === undefined) throw new RangeError(`no development ${e}`);
  const random = randomFor(market.seed, "unidade", position);
  const ordinal = Math.floor(position / slots.length) * empreendimento.porRodada + nth;
  const perTower = empreendimento.porAndar * empreendimento.andares;
  const tower = Math.floor(ordinal / perTower);
  const andar = Math.floor((ordinal % perTower) / empreendimento.porAndar) + 1;
  const door = (ordinal % empreendimento.porAndar) + 1;
  const area = empreendimento.popular
    ? random.between(410, 620) / 10
    : random.between(580, 1_680) / 10;
  const floors = 1 + andar * 0.004;
  const nome = random.chance(1 / 400) ? `${andar}0${door} - TERRENISTA` : `${andar}0${door}`;
  return {
    id: firstId("unidades") + position,
    position,
    empreendimento,
    // A development of one tower calls it by its own name.
    bloco: empreendimento.porRodada === 1 ? empreendimento.nome : `Torre ${tower + 1}`,
    andar,
    nome,
    area,
    tabela: Math.round((area * empreendimento.metro * floors) / 100_000) * 100_000,
  };
}
