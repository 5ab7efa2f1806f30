import { mix, type Random } from "../random.ts";
import { dayText, momentText } from "../wall-clock.ts";
import {
  type Corretor,
  type Empreendimento,
  firstId,
  type Market,
  personName,
  randomFor,
} from "./market.ts";
import { media, reasons } from "./texts.ts";

/** How a reservation ended: sold, undone after the sale, cancelled, or still alive. */
export type Outcome = "venda" | "distrato" | "cancelada" | "viva";

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

/** Everything about one reservation that more than one object tells. Amounts are cents. */
export type Story = {
  readonly position: number;
  readonly id: number;
  readonly outcome: Outcome;
  readonly situacao: string;
  readonly ativo: "S" | "N";
  /** The unit it is about; a few reservations name none. */
  readonly unidade: Unidade | null;
  readonly empreendimento: Empreendimento;
  readonly corretor: Corretor | null;
  readonly cliente: string;
  readonly idcliente: number;
  readonly documento: string;
  /** Wall-clock seconds. */
  readonly criada: number;
  readonly decidida: number;
  /** The last change, which orders the pages: never falls as positions grow. */
  readonly alterada: number;
  /** As the source shows it: a moment, null, '' or a zero date. */
  readonly dataVenda: string | null;
  readonly tabela: number;
  readonly preco: number;
  /** `preco`, but 0 where the source forgot it. */
  readonly valorContrato: number;
  readonly financiamento: number;
  readonly fgts: number;
  readonly subsidio: number;
  readonly entrada: number;
  readonly midia: string;
  readonly motivo: string;
};

const BLOCK = 10;
const UNITS_PER_BLOCK = 8;
const oldOutcomes: readonly Outcome[] = [
  "venda",
  "venda",
  "venda",
  "venda",
  "venda",
  "venda",
  "distrato",
  "cancelada",
  "cancelada",
  "cancelada",
];
const recentOutcomes: readonly Outcome[] = [
  "venda",
  "venda",
  "venda",
  "venda",
  "viva",
  "viva",
  "viva",
  "viva",
  "cancelada",
  "cancelada",
];

/** Positions of reservations with one outcome, counted without visiting them. */
export type Ranking = { readonly count: number; readonly position: (nth: number) => number };

/**
 * The stories of an account's reservations. They are told in blocks of ten reservations and
 * eight units: outcomes and units are dealt inside a block, so every fact about a reservation or
 * unit is known from its block alone.
 */
export type Stories = {
  readonly count: number;
  readonly story: (position: number) => Story;
  readonly unidades: number;
  readonly unidade: (position: number) => Unidade;
  /** The sold or living reservation of a unit. */
  readonly holderOf: (unit: number) => Story | undefined;
  /** When a reservation last changed; the same as its story's, without telling it. */
  readonly changedAt: (position: number) => number;
  /** The reservations with an outcome, at most so many of each block. */
  readonly ranking: (outcome: Outcome, perBlock?: number) => Ranking;
};

type Block = {
  readonly outcomes: readonly Outcome[];
  /** Unit slot of each reservation, or -1. */
  readonly slots: readonly number[];
};

/** Opens the stories of a market. */
export function createStories(market: Market): Stories {
  const { seed, reservas: count, calendar } = market;
  const blocks = Math.ceil(count / BLOCK);
  const recent = blocks < 2 ? 0 : Math.max(1, Math.round(blocks * 0.05));
  const isRecent = (block: number) => block >= blocks - recent;

  const blockAt = remember(256, (block: number): Block => {
    const random = randomFor(seed, "block", block);
    const size = Math.min(BLOCK, count - block * BLOCK);
    const outcomes = random.shuffle(isRecent(block) ? recentOutcomes : oldOutcomes).slice(0, size);
    const free = random.shuffle([0, 1, 2, 3, 4, 5, 6, 7]);
    const slots = outcomes.map((outcome) => {
      if (random.chance(1 / 150)) return -1;
      const alive = outcome === "venda" || outcome === "viva";
      return alive ? (free.pop() ?? -1) : random.int(UNITS_PER_BLOCK);
    });
    return { outcomes, slots };
  });

  const momentAt = (position: number) => calendar.at((position + 0.5) / count);
  const changedAt = (position: number) => momentAt(lastOfTie(seed, position, count));
  const unidade = remember(1_024, (position: number) => describeUnit(market, position));

  const story = remember(1_024, (position: number): Story => {
    const block = Math.floor(position / BLOCK);
    const { outcomes, slots } = blockAt(block);
    const nth = position - block * BLOCK;
    const slot = slots[nth] ?? -1;
    return tell(market, {
      position,
      outcome: outcomes[nth] ?? "cancelada",
      unidade: unidade(block * UNITS_PER_BLOCK + Math.max(slot, 0)),
      named: slot !== -1,
      decidida: momentAt(position),
      alterada: changedAt(position),
    });
  });

  return {
    count,
    story,
    unidades: blocks * UNITS_PER_BLOCK,
    unidade,
    changedAt,
    holderOf: (unit) => {
      const block = Math.floor(unit / UNITS_PER_BLOCK);
      const slot = unit - block * UNITS_PER_BLOCK;
      const { outcomes, slots } = blockAt(block);
      const nth = slots.findIndex(
        (other, i) => other === slot && (outcomes[i] === "venda" || outcomes[i] === "viva"),
      );
      return nth === -1 ? undefined : story(block * BLOCK + nth);
    },
    ranking: (outcome, perBlock = BLOCK) => {
      const tailBlock = Math.floor(count / BLOCK);
      const inBlock = (outcomes: readonly Outcome[]) =>
        Math.min(perBlock, outcomes.filter((other) => other === outcome).length);
      const oldCount = inBlock(oldOutcomes);
      const recentCount = inBlock(recentOutcomes);
      const oldBlocks = Math.min(blocks - recent, tailBlock);
      const recentBlocks = tailBlock - oldBlocks;
      const tail = tailBlock < blocks ? inBlock(blockAt(tailBlock).outcomes) : 0;
      const olds = oldBlocks * oldCount;
      const recents = recentBlocks * recentCount;
      const nthOf = (block: number, nth: number) => {
        const { outcomes } = blockAt(block);
        let left = nth;
        const found = outcomes.findIndex((other) => other === outcome && left-- === 0);
        return block * BLOCK + found;
      };
      return {
        count: olds + recents + tail,
        position: (nth) => {
          if (nth < olds) return nthOf(Math.floor(nth / oldCount), nth % oldCount);
          const left = nth - olds;
          if (left < recents) {
            return nthOf(oldBlocks + Math.floor(left / recentCount), left % recentCount);
          }
          return nthOf(tailBlock, left - recents);
        },
      };
    },
  };
}

/** The last position that shares a position's change time: mass updates touch runs of rows at once. */
function lastOfTie(seed: number, position: number, count: number): number {
  for (const [run, oneIn] of [
    [2_048, 12],
    [16, 4],
  ] as const) {
    const start = position - (position % run);
    if (count >= 2 * run && mix(mix(seed, run), start) % oneIn === 0) {
      return Math.min(start + run, count) - 1;
    }
  }
  return position;
}

function describeUnit(market: Market, position: number): Unidade {
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

type Plot = {
  readonly position: number;
  readonly outcome: Outcome;
  readonly unidade: Unidade;
  readonly named: boolean;
  readonly decidida: number;
  readonly alterada: number;
};

function tell(market: Market, plot: Plot): Story {
  const { position, outcome, unidade, decidida, alterada } = plot;
  const { vocabulary, corretores } = market;
  const random = randomFor(market.seed, "story", position);
  const { popular } = unidade.empreendimento;
  // Prices rose over the years.
  const tabela = roundCents(unidade.tabela * (0.8 + (0.2 * position) / market.reservas), 1_000);
  const preco = roundCents(tabela * (0.9 + random.unit() * 0.12), random.chance(0.7) ? 100_000 : 1);
  const direct = !popular && random.chance(0.2);
  const financiamento = direct
    ? 0
    : roundCents(preco * (popular ? 0.66 + random.unit() * 0.14 : 0.5 + random.unit() * 0.2), 100);
  const fgts = !direct && random.chance(0.3) ? roundCents(preco * random.unit() * 0.08, 100) : 0;
  const subsidio =
    popular && random.chance(0.5) ? roundCents(preco * random.unit() * 0.06, 100) : 0;
  const entrada = roundCents(preco * (0.02 + random.unit() * 0.03), 100);
  const forgotten = outcome === "venda" && financiamento > 0 && random.chance(1 / 250);
  const seller = corretores[Math.floor(corretores.length * random.unit() ** 2)];
  const undoneAfter = outcome === "distrato" ? random.between(10, 200) * 86_400 : 0;
  const vendida = decidida - undoneAfter;
  const situacoes = {
    venda: vocabulary.vendida,
    distrato: vocabulary.distrato,
    cancelada: vocabulary.cancelada,
    viva: random.pick(vocabulary.vivas),
  };
  return {
    position,
    id: firstId("reservas") + position,
    outcome,
    situacao: situacoes[outcome],
    ativo: random.chance(1 / 80) ? "N" : "S",
    unidade: plot.named ? unidade : null,
    empreendimento: unidade.empreendimento,
    corretor: random.chance(1 / 60) ? null : (seller ?? null),
    cliente: personName(random),
    idcliente: firstId("pessoas") + position,
    documento: String(10_000_000_000 + random.int(9e9)).slice(0, 11),
    criada: vendida - random.between(2, 60) * 86_400 - random.int(20_000),
    decidida,
    alterada,
    dataVenda: saleDate(market, plot, vendida, random),
    tabela,
    preco,
    valorContrato: forgotten ? 0 : preco,
    financiamento,
    fgts,
    subsidio,
    entrada,
    midia: random.pick(media),
    motivo: random.pick(reasons),
  };
}

/** The sale's date as the source shows it; `vendida` is when it happened, were it a sale. */
function saleDate(market: Market, plot: Plot, vendida: number, random: Random): string | null {
  const { outcome, decidida } = plot;
  const { hoje } = market.calendar;
  const text = momentText(vendida);
  if (outcome === "distrato") return text;
  if (outcome === "cancelada") return random.chance(0.15) ? text : null;
  if (outcome === "viva") return random.chance(0.1) ? "0000-00-00 00:00:00" : null;
  if (decidida > (hoje - 20) * 86_400 && random.chance(0.05)) {
    return `${dayText(hoje + random.between(3, 40))} 00:00:00`;
  }
  const odd = random.unit();
  if (odd < 0.001) return "0000-00-00 00:00:00";
  if (odd < 0.002) return null;
  if (odd < 0.0024) return "0001-01-01 00:00:00";
  return odd < 0.1 ? text.slice(0, 10) : text;
}

function roundCents(cents: number, step: number): number {
  return Math.round(cents / step) * step;
}

/** Remembers the last results of a pure function. */
function remember<Value>(size: number, compute: (key: number) => Value): (key: number) => Value {
  const values = new Map<number, Value>();
  return (key) => {
    let value = values.get(key);
    if (value === undefined) {
      if (values.size >= size) values.clear();
      value = compute(key);
      values.set(key, value);
    }
    return value;
  };
}
