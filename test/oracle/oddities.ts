import fc from "fast-check";
import type { Account } from "../../emulator/account.ts";
import type { CvdwRecord, Json } from "../../emulator/record.ts";

/** One field of one record gets an odd value, or the value that another record has. */
export type Oddity = {
  readonly object: string;
  /** Which record, counted around. */
  readonly nth: number;
  readonly field: string;
  readonly value: { readonly odd: Json } | { readonly copiedFrom: number };
};

const objectKeys: { readonly [object: string]: string } = {
  reservas: "idreserva",
  reservas_condicoes: "idreservascondicoes",
  comissoes: "idcomissao",
  unidades: "idunidade",
};

const texts: readonly Json[] = [
  null,
  "",
  "  ",
  " Nome  Novo ",
  "Time A&ccedil;&atilde;o &amp; Cia",
  7,
];
const flags: readonly Json[] = ["S", "N", "N", "", null, "s"];
const ids: readonly Json[] = [null, "", 0, "0", "12,15", "7", false, 987_654_321];
const days: readonly Json[] = [
  null,
  "",
  "0000-00-00",
  "0000-00-00 00:00:00",
  "00/00/0000",
  "0001-01-01",
  "2024-02-29 08:00:00",
  "29/02/2025",
  "31/12/2025",
  "01/01/2026 07:30:00",
  "2024-03-30",
  "2024-03-31",
  "2024-04-01",
  "2025-02-28 23:59:59",
  "2025-03-30 12:00:00",
  "2025-03-31",
  "2025-04-01",
  "2026-03-01",
  "2026-03-31 23:59:59",
  "2026-04-01 00:00:00",
  "2027-12-31",
  "2025-13-01",
  "ontem",
];
const amounts: readonly Json[] = [
  null,
  "",
  0,
  "0.00",
  0.01,
  -1_500,
  250_000.005,
  "250000.005",
  "1.234.567,89",
  "310000,5",
  "1,234.56",
  "1e5",
  1e5,
  "R$ 10,00",
  false,
];
const quantities: readonly Json[] = [
  null,
  "",
  0,
  1,
  "36",
  "12.0",
  36.5,
  120,
  "120 meses",
  3_000_000_000,
];
const situacoes: readonly Json[] = [
  null,
  "",
  "Vendida",
  " DISTRATO ",
  "distratàda",
  "Distrato parcial",
  "CANCELADO",
  "Cancelada pelo cliente",
  "Cancelada",
  "Em  Assinatura",
];
const series: readonly Json[] = [
  null,
  "",
  "ATO/SINAL",
  "Atomo",
  "ATO2",
  "  Parcelas   Mensais (36x)",
  "Mensalidade",
  "PRÓ-SOLUTO",
  "pró soluto - extra",
  "Financ. Caixa",
  "Financiamento",
  "F.G.T.S.",
  "FGTS 2",
  "SUBSÍDIO",
  "Cheque Moradia",
  "Comissão",
  "JUROS - FORA DO CONTRATO",
  "Valor com desconto",
  "Permuta",
  "Intermediária",
];

/** Values for every field that the views depend on. */
const fields: { readonly [object: string]: { readonly [field: string]: readonly Json[] } } = {
  reservas: {
    ativo: flags,
    data_venda: days,
    situacao: situacoes,
    // Beyond numeric(15,2), and the largest that is not.
    valor_contrato: [...amounts, 12_345_678_901_234, "9999999999999.99"],
    valor_financiamento: amounts,
    valor_subsidio: amounts,
    valor_fgts: amounts,
    valor_proposta: amounts,
    vgv_tabela: amounts,
    nome_time: texts,
    time: texts,
    corretor: texts,
    idcorretor: ids,
    idunidade: ids,
    idimobiliaria: ids,
    idcliente: ids,
    idempreendimento: [null, "", 0, 901, "902"],
    empreendimento: texts,
    cliente: [...texts, "Maria  da Silva", "d'Ávila"],
    data_cad: days,
    data_modificacao: days,
  },
  reservas_condicoes: {
    ativo: flags,
    serie: series,
    valor: amounts,
    parcela_quantidade: quantities,
    idreserva: ids,
    vencimento: days,
  },
  comissoes: {
    ativo: flags,
    valor_comissao: amounts,
    porcentagem_comissao: [...amounts, 123_456.78],
    idreserva: ids,
    data_pagamento: days,
  },
  unidades: {
    situacao_mapa_disponibilidade: [null, "", 1, 2, 3, 4, "4", 5, 9, "livre"],
    valor: amounts,
    area_privativa: ["58,405", 58.405, null, "", "60 m²"],
    data_entrega: days,
    nome_empreendimento: texts,
    situacao_reservada: ids,
  },
};

const fieldNames = Object.entries(fields).flatMap(([object, ofObject]) =>
  Object.keys(ofObject).map((field) => ({ object, field })),
);

/** Any of the odd values anywhere, and values that records share though they should not. */
export const anyOddity: fc.Arbitrary<Oddity> = fc
  .constantFrom(...fieldNames)
  .chain(({ object, field }) =>
    fc.record({
      object: fc.constant(object),
      field: fc.constant(field),
      nth: fc.nat(5_000),
      value: fc.oneof(
        { weight: 4, arbitrary: fc.record({ odd: fc.constantFrom(...valuesOf(object, field)) }) },
        { weight: 1, arbitrary: fc.record({ copiedFrom: fc.nat(5_000) }) },
      ),
    }),
  );

function valuesOf(object: string, field: string): readonly Json[] {
  return fields[object]?.[field] ?? [];
}

/** Writes oddities into an account, as edits made at a moment of Brasília's wall clock. */
export function applyOddities(account: Account, oddities: readonly Oddity[], at: string): void {
  for (const { object, nth, field, value } of oddities) {
    const records: readonly CvdwRecord[] = [...account.records(object)];
    const key = records[nth % records.length]?.[objectKeys[object] ?? ""];
    if (typeof key !== "number") continue;
    const given =
      "odd" in value ? value.odd : (records[value.copiedFrom % records.length]?.[field] ?? null);
    account.edit(object, key, { [field]: given }, { at });
  }
}
