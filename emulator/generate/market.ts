import { createRandom, hashText, mix, type Random } from "../random.ts";
import { type Calendar, createCalendar } from "./calendar.ts";
import {
  agencyNames,
  cities,
  developmentKinds,
  developmentNames,
  firstNames,
  lastNames,
  regions,
  teamNames,
} from "./texts.ts";

export type Empreendimento = {
  readonly id: number;
  readonly nome: string;
  readonly tipo: string;
  readonly cidade: string;
  readonly regiao: string;
  /** Cents per square metre today. */
  readonly metro: number;
  readonly porAndar: number;
  readonly andares: number;
  /** Financed by a public programme: subsidies, small flats. */
  readonly popular: boolean;
  /** Units of this development in one round of `slots`. */
  readonly porRodada: number;
};

export type Corretor = {
  readonly id: number;
  readonly nome: string;
  readonly time: string | null;
  readonly imobiliaria: number;
};

export type Imobiliaria = { readonly id: number; readonly nome: string };

/** How this account names and writes things. */
export type Vocabulary = {
  readonly vendida: string;
  readonly distrato: string;
  readonly cancelada: string;
  readonly vivas: readonly [string, ...string[]];
  /** Is a payment row's `valor` one instalment, or the whole row? */
  readonly leitura: "parcela" | "total";
  readonly entrada: string;
  readonly mensais: string;
  readonly anuais: string;
  readonly chaves: string;
  readonly financiamento: string;
  readonly fgts: string;
  readonly subsidio: string;
  /** Rows outside the price. */
  readonly foraDoPreco: readonly [string, ...string[]];
  /** A series that nobody knows. */
  readonly estranha: string;
  /** Some amounts travel as texts with a decimal point. */
  readonly numerosComoTexto: boolean;
  /** Which of its two fields a repasse fills. */
  readonly repasseAponta: "reserva" | "idreserva";
};

/** What all objects of a generated account share. */
export type Market = {
  readonly seed: number;
  readonly reservas: number;
  readonly calendar: Calendar;
  readonly empreendimentos: readonly Empreendimento[];
  /** Which development a unit belongs to, round after round: position → [development, nth of it]. */
  readonly slots: readonly (readonly [number, number])[];
  readonly corretores: readonly Corretor[];
  readonly imobiliarias: readonly Imobiliaria[];
  readonly vocabulary: Vocabulary;
};

/** Builds the market of an account: its size follows from the number of reservations. */
export function createMarket(seed: number, reservas: number, hoje: number): Market {
  const size = Math.sqrt(reservas);
  const imobiliarias = manyImobiliarias(seed, Math.max(3, Math.round(size / 5)));
  const { empreendimentos, slots } = manyEmpreendimentos(
    seed,
    Math.min(400, Math.max(3, Math.round(size / 1.6))),
  );
  return {
    seed,
    reservas,
    calendar: createCalendar(seed, hoje),
    empreendimentos,
    slots,
    corretores: manyCorretores(seed, Math.max(5, Math.round(size * 1.2)), imobiliarias.length),
    imobiliarias,
    vocabulary: chooseVocabulary(createRandom(mix(seed, 0x70ca))),
  };
}

/** A stream for one record of one object. */
export function randomFor(seed: number, object: string, position: number): Random {
  return createRandom(mix(mix(seed, streamOf(object)), position));
}

const streams = new Map<string, number>();

function streamOf(object: string): number {
  let stream = streams.get(object);
  if (stream === undefined) {
    stream = hashText(object);
    streams.set(object, stream);
  }
  return stream;
}

/** The first id of an object; its others follow. */
export function firstId(object: string): number {
  return 1 + (streamOf(object) % 90) * 100;
}

/** The agency a broker works for, if there is a broker. */
export function agencyOf(
  market: Market,
  corretor: Corretor | null | undefined,
): Imobiliaria | undefined {
  if (corretor === null || corretor === undefined) return undefined;
  return market.imobiliarias[corretor.imobiliaria - firstId("imobiliarias")];
}

/** A made-up person. */
export function personName(random: Random): string {
  const name = `${random.pick(firstNames)} ${random.pick(lastNames)}`;
  if (random.chance(0.35)) return `${name} ${random.pick(lastNames)}`;
  if (random.chance(0.02)) return name.replace(" ", "  ");
  if (random.chance(0.01)) return `${name} 🏡`;
  return random.chance(0.1) ? name.toUpperCase() : name;
}

function manyEmpreendimentos(
  seed: number,
  count: number,
): { empreendimentos: Empreendimento[]; slots: (readonly [number, number])[] } {
  const order = createRandom(mix(seed, 0x5107)).shuffle(
    developmentKinds.flatMap((kind) => developmentNames.map((name) => `${kind} ${name}`)),
  );
  const empreendimentos: Empreendimento[] = [];
  const wanted: number[] = [];
  for (let e = 0; e < count; e++) {
    const random = randomFor(seed, "empreendimento", e);
    const [cidade] = random.pick(cities);
    const popular = random.chance(0.45);
    const nome = order[e] ?? `Residencial ${e + 1}`;
    const porRodada = random.between(1, 5);
    empreendimentos.push({
      id: 10 + e,
      // Numbered phases where the names have run out.
      nome: e < order.length ? nome : `${nome} ${e}`,
      tipo: random.chance(0.85) ? "Vertical" : "Horizontal",
      cidade,
      regiao: random.pick(regions),
      metro: (popular ? random.between(4_200, 6_000) : random.between(6_800, 14_500)) * 100,
      porAndar: random.pick([4, 4, 6, 8]),
      andares: random.between(4, 22),
      popular,
      porRodada,
    });
    for (let slot = 0; slot < porRodada; slot++) wanted.push(e);
  }
  const seen = new Map<number, number>();
  const slots = createRandom(mix(seed, 0x5108))
    .shuffle(wanted)
    .map((e): readonly [number, number] => {
      const nth = seen.get(e) ?? 0;
      seen.set(e, nth + 1);
      return [e, nth];
    });
  return { empreendimentos, slots };
}

function manyImobiliarias(seed: number, count: number): Imobiliaria[] {
  return Array.from({ length: count }, (_, i) => {
    const name = agencyNames[i % agencyNames.length] ?? "";
    const round = Math.floor(i / agencyNames.length);
    const place = randomFor(seed, "imobiliaria", i).pick(cities)[0];
    return {
      id: firstId("imobiliarias") + i,
      nome: round === 0 ? name : `${name} ${place} ${round}`,
    };
  });
}

function manyCorretores(seed: number, count: number, agencies: number): Corretor[] {
  const corretores: Corretor[] = [];
  for (let i = 0; i < count; i++) {
    const random = randomFor(seed, "corretor", i);
    const team = random.pick(teamNames);
    corretores.push({
      id: firstId("corretores") + i,
      // Two people of one name are two brokers.
      nome: i === 4 ? (corretores[1]?.nome ?? "") : personName(random),
      time: i !== 2 && random.chance(0.85) ? team : null,
      imobiliaria: firstId("imobiliarias") + random.int(agencies),
    });
  }
  return corretores;
}

function chooseVocabulary(random: Random): Vocabulary {
  return {
    vendida: random.pick(["Vendida", "Venda finalizada", "Venda Realizada"]),
    distrato: random.pick(["Distrato", "DISTRATO", "Distratada"]),
    cancelada: random.pick(["Cancelada", "Cancelado"]),
    vivas: ["Reserva", "Em processo", "Crédito (CEF)", "Contrato em assinatura"],
    leitura: random.pick(["parcela", "total"]),
    entrada: random.pick(["ATO/SINAL", "Entrada", "Sinal"]),
    mensais: random.pick(["Parcelas Mensais", "Mensais", "MENSAIS"]),
    anuais: random.pick(["Anual", "Semestrais", "Intermediárias"]),
    chaves: random.pick(["Entrega das Chaves", "Parcela Única", "Resíduo"]),
    financiamento: random.pick(["Financiamento", "FINANCIAMENTO", "Financiamento bancário"]),
    fgts: "FGTS",
    subsidio: random.pick(["Subsídio", "Cheque Moradia"]),
    foraDoPreco: ["Valor de Venda", "Desconto", "CUSTAS", "Valor de Avaliação"],
    estranha: random.pick(["Repactuação 2019", "Permuta", "Série X"]),
    numerosComoTexto: random.chance(0.5),
    repasseAponta: random.pick(["reserva", "idreserva"]),
  };
}
