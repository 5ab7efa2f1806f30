import type { Json } from "./record.ts";

/*
 * The account with a known answer: five standing sales worth 3,425,000.00, commissions of
 * 171,250.00, three developments, four brokers, three teams. The other records (a sale undone, a
 * cancelled and a living reservation, units on offer…) give every mart something to show and
 * change nothing of it.
 */

export type Empreendimento = {
  readonly id: number;
  readonly nome: string;
  readonly tipologia: string;
  readonly area: number;
  readonly tabela: number;
};

export const solNascente: Empreendimento = {
  id: 11,
  nome: "Residencial Sol Nascente",
  tipologia: "2 quartos",
  area: 58.4,
  tabela: 470_000,
};
export const vistaMar: Empreendimento = {
  id: 12,
  nome: "Edifício Vista Mar Premium",
  tipologia: "3 suítes",
  area: 112.75,
  tabela: 820_000,
};
export const parkResidence: Empreendimento = {
  id: 13,
  nome: "Condomínio Park Residence",
  tipologia: "4 suítes",
  area: 148.2,
  tabela: 940_000,
};
export const empreendimentos = [solNascente, vistaMar, parkResidence];

export type Corretor = {
  readonly id: number;
  readonly nome: string;
  readonly time: string;
  readonly imobiliaria: number;
};

export const joao: Corretor = {
  id: 21,
  nome: "João Silva Santos",
  time: "Team Alpha",
  imobiliaria: 31,
};
export const ana: Corretor = {
  id: 22,
  nome: "Ana Costa Ferreira",
  time: "Team Beta",
  imobiliaria: 32,
};
export const carlos: Corretor = {
  id: 23,
  nome: "Carlos Rodrigues",
  time: "Team Beta",
  imobiliaria: 32,
};
export const fernanda: Corretor = {
  id: 24,
  nome: "Fernanda Lima",
  time: "Team Gamma",
  imobiliaria: 31,
};
export const corretores = [joao, ana, carlos, fernanda];

export const imobiliarias = [
  { id: 31, nome: "Horizonte Imóveis" },
  { id: 32, nome: "Litoral Negócios Imobiliários" },
];

export type Situacao = "Vendida" | "Distrato" | "Cancelada" | "Reserva";

export type Reserva = {
  readonly id: number;
  readonly empreendimento: Empreendimento;
  readonly andar: number;
  readonly corretor: Corretor;
  readonly cliente: string;
  readonly documento: string;
  readonly situacao: Situacao;
  readonly valor: number;
  /** Days before hoje; undefined: never sold. */
  readonly vendidaHa?: number;
  /** Days before hoje. */
  readonly criadaHa: number;
  readonly alteradaHa: number;
  readonly comissao?: number;
  readonly financiamento: number;
  readonly fgts: number;
};

export const reservas: readonly Reserva[] = [
  {
    id: 101,
    empreendimento: solNascente,
    andar: 3,
    corretor: joao,
    cliente: "Marina Alves Prado",
    documento: "11111111111",
    situacao: "Vendida",
    valor: 450_000,
    vendidaHa: 150,
    criadaHa: 171,
    alteradaHa: 149,
    comissao: 22_500,
    financiamento: 315_000,
    fgts: 22_500,
  },
  {
    id: 102,
    empreendimento: solNascente,
    andar: 5,
    corretor: joao,
    cliente: "Otávio Nunes Lacerda",
    documento: "22222222222",
    situacao: "Vendida",
    valor: 465_000,
    vendidaHa: 135,
    criadaHa: 148,
    alteradaHa: 133,
    comissao: 23_250,
    financiamento: 325_500,
    fgts: 0,
  },
  {
    id: 103,
    empreendimento: vistaMar,
    andar: 8,
    corretor: ana,
    cliente: "Beatriz Conceição Rocha",
    documento: "33333333333",
    situacao: "Vendida",
    valor: 780_000,
    vendidaHa: 120,
    criadaHa: 139,
    alteradaHa: 118,
    comissao: 39_000,
    financiamento: 468_000,
    fgts: 0,
  },
  {
    id: 104,
    empreendimento: vistaMar,
    andar: 11,
    corretor: carlos,
    cliente: "Heitor Magalhães",
    documento: "44444444444",
    situacao: "Vendida",
    valor: 810_000,
    vendidaHa: 90,
    criadaHa: 102,
    alteradaHa: 89,
    comissao: 40_500,
    financiamento: 567_000,
    fgts: 0,
  },
  {
    id: 105,
    empreendimento: parkResidence,
    andar: 2,
    corretor: fernanda,
    cliente: "Lívia Sampaio Duarte",
    documento: "55555555555",
    situacao: "Vendida",
    valor: 920_000,
    vendidaHa: 60,
    criadaHa: 84,
    alteradaHa: 58,
    comissao: 46_000,
    financiamento: 552_000,
    fgts: 0,
  },
  {
    id: 106,
    empreendimento: vistaMar,
    andar: 6,
    corretor: ana,
    cliente: "Raul Teixeira Pinto",
    documento: "66666666666",
    situacao: "Distrato",
    valor: 795_000,
    vendidaHa: 200,
    criadaHa: 215,
    alteradaHa: 75,
    financiamento: 477_000,
    fgts: 0,
  },
  {
    id: 107,
    empreendimento: solNascente,
    andar: 7,
    corretor: joao,
    cliente: "Sônia Batista Reis",
    documento: "77777777777",
    situacao: "Cancelada",
    valor: 455_000,
    criadaHa: 64,
    alteradaHa: 50,
    financiamento: 318_500,
    fgts: 0,
  },
  {
    id: 108,
    empreendimento: parkResidence,
    andar: 4,
    corretor: fernanda,
    cliente: "Tomás Figueira",
    documento: "88888888888",
    situacao: "Reserva",
    valor: 935_000,
    criadaHa: 6,
    alteradaHa: 3,
    financiamento: 561_000,
    fgts: 0,
  },
];

export const idsituacao: { readonly [situacao in Situacao]: number } = {
  Reserva: 1,
  Vendida: 3,
  Cancelada: 4,
  Distrato: 5,
};

/** A wall-clock moment so many days before hoje. */
export type Ago = (days: number, time?: string) => string;

/** When a sale so many days ago was made; null for no sale. */
export function dateOrNull(days: number | undefined, ago: Ago): string | null {
  return days === undefined ? null : ago(days, "14:00:00");
}

/** The id of the unit on a floor of a development. */
export function idUnidade(empreendimento: Empreendimento, andar: number): number {
  return empreendimento.id * 100 + andar;
}

/** The name of the unit on a floor. */
export function nomeUnidade(andar: number): string {
  return `${andar}01`;
}

/** The name of an agency. */
export function nomeImobiliaria(id: number): Json {
  return imobiliarias.find((imobiliaria) => imobiliaria.id === id)?.nome ?? null;
}
