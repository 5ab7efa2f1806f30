import type { Random } from "../random.ts";
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
import type { Unidade } from "./unidade.ts";

/** How a reservation ended: sold, undone after the sale, cancelled, or still alive. */
export type Outcome = "venda" | "distrato" | "cancelada" | "viva";

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

/** What the block of a reservation decides about it. */
export type Plot = {
  readonly position: number;
  readonly outcome: Outcome;
  readonly unidade: Unidade;
  readonly named: boolean;
  readonly decidida: number;
  readonly alterada: number;
};

/** Tells the story that follows from a plot. */
export function tell(market: Market, plot: Plot): Story {
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
