import { type Account, type AccountOptions, createAccount } from "./account.ts";
import type { BaseRows } from "./base-rows.ts";
import { objectSpecs } from "./fields.ts";
import { comissoesRows } from "./generate/comissoes.ts";
import { condicoesRows } from "./generate/condicoes.ts";
import { createMarket } from "./generate/market.ts";
import { otherRows } from "./generate/other-objects.ts";
import { atendimentosRows, corretoresRows, imobiliariasRows } from "./generate/people.ts";
import { reservasRows } from "./generate/reservas.ts";
import { distratosRows, repassesRows, vendasRows } from "./generate/sales.ts";
import { createStories } from "./generate/stories.ts";
import { unidadesRows } from "./generate/unidades.ts";
import type { World } from "./generate/world.ts";
import { mix } from "./random.ts";
import { dayNumber } from "./wall-clock.ts";

export type GenerateOptions = Omit<AccountOptions, "objects"> & {
  /** Everything follows from it: the same seed, size and day give the same bytes. */
  readonly seed: number;
  /** 1 to some millions; the other objects have their share. */
  readonly reservas: number;
  /** The last day of the four years told: `YYYY-MM-DD` or an instant. Default: today in Brasília. */
  readonly hoje?: string | Date;
};

/** Objects with a generator of their own. */
const generators: ReadonlyMap<string, (world: World) => BaseRows> = new Map([
  ["reservas", reservasRows],
  ["reservas_condicoes", condicoesRows],
  ["comissoes", comissoesRows],
  ["unidades", unidadesRows],
  ["vendas", vendasRows],
  ["repasses", repassesRows],
  ["distratos", distratosRows],
  ["atendimentos", atendimentosRows],
  ["corretores", corretoresRows],
  ["imobiliarias", imobiliariasRows],
]);

/**
 * An account of any size, made from a seed. No record is kept: the one at a position is computed
 * when its page is asked for, so page 2,000 costs what page 1 costs. Records agree across
 * objects, and hold the oddities of the real source.
 */
export function generateAccount(options: GenerateOptions): Account {
  const { seed, reservas, hoje, ...rest } = options;
  if (!Number.isSafeInteger(reservas) || reservas < 1) {
    throw new RangeError(`an account has 1 reservation or more, not ${reservas}`);
  }
  const day = dayNumber(hoje ?? options.now?.() ?? new Date());
  const market = createMarket(mix(seed, 0xacc), reservas, day);
  const world: World = { market, stories: createStories(market) };
  const objects: Record<string, BaseRows> = {};
  for (const object of objectSpecs.keys()) {
    const rows = generators.get(object);
    objects[object] = rows === undefined ? otherRows(world, object) : rows(world);
  }
  return createAccount({ ...rest, objects });
}
