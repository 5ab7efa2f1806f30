import type { Random } from "../random.ts";
import { type Market, personName } from "./market.ts";
import { brazilianNumber } from "./reservas.ts";
import { cities, media, reasons, regions, remarks, subjects } from "./texts.ts";

/** Makes a text that suits a field. */
export type Words = (market: Market, random: Random) => string;

/** Which texts suit which field names; the first match counts. */
const byName: readonly (readonly [RegExp, Words])[] = [
  [/situacao|status/, ({ vocabulary }, random) => random.pick(vocabulary.vivas)],
  [/email/, (_, random) => `pessoa${random.int(9_000)}@example.com`],
  [/empreendimento/, ({ empreendimentos }, random) => nameOf(empreendimentos, random)],
  [/imobiliaria/, ({ imobiliarias }, random) => nameOf(imobiliarias, random)],
  [
    /corretor|gestor|responsavel|usuario|vistoriador/,
    ({ corretores }, random) => nameOf(corretores, random),
  ],
  [
    /valor/,
    (_, random) =>
      random.chance(0.5) ? brazilianNumber(random.int(9_000_000)) : random.pick(remarks),
  ],
  [/cliente|^nome|associado|pessoa|favorecido/, (_, random) => personName(random)],
  [/documento|cpf|cnpj|^rg/, (_, random) => `${10_000_000_000 + random.int(9e9)}`],
  [
    /telefone|celular/,
    (_, random) => `(47) 9${random.between(1_000, 9_999)}-${random.between(1_000, 9_999)}`,
  ],
  [/cidade/, (_, random) => random.pick(cities)[0]],
  [/estado$/, (_, random) => random.pick(cities)[1]],
  [/regiao/, (_, random) => random.pick(regions)],
  [/midia|origem|canal|conversao/, (_, random) => random.pick(media)],
  [/motivo/, (_, random) => random.pick(reasons)],
  [/assunto|titulo|tipo/, (_, random) => random.pick(subjects)],
  [/unidade/, (_, random) => `${random.between(1, 20)}0${random.between(1, 8)}`],
];

/** The texts for a field of that name. */
export function wordsFor(field: string): Words {
  const [, words] = byName.find(([pattern]) => pattern.test(field)) ?? [];
  return words ?? ((_, random) => random.pick(remarks));
}

function nameOf(items: readonly { readonly nome: string }[], random: Random): string {
  return items[random.int(items.length)]?.nome ?? "";
}
