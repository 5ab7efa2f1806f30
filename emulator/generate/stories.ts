import { mix } from "../random.ts";
import { type Market, randomFor } from "./market.ts";
import { type Outcome, type Story, tell } from "./story.ts";
import { describeUnit, type Unidade } from "./unidade.ts";

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
