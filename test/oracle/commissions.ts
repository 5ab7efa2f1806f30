import { toDay, toDecimal, toInteger, toMoment, toMoney, toText } from "./casts.ts";
import { type Hundredths, sum } from "./decimal.ts";
import type { SourceAccount } from "./reservas.ts";

export type Comissao = {
  readonly id: bigint;
  readonly reservaId: bigint | null;
  readonly empreendimento: string | null;
  readonly corretor: string | null;
  readonly imobiliaria: string | null;
  readonly situacao: string | null;
  readonly ativo: string | null;
  readonly percentual: Hundredths | null;
  readonly valorContrato: Hundredths | null;
  readonly valor: Hundredths | null;
  readonly aPagar: Hundredths | null;
  readonly pago: Hundredths | null;
  readonly notaFiscal: string | null;
  readonly dataPagamento: string | null;
  readonly dataCadastro: string | null;
};

/** What the active commissions of one reservation come to. */
export type CommissionTotal = { readonly valor: Hundredths; readonly any: boolean };

/** Every commission of an account. */
export function readComissoes(account: SourceAccount): readonly Comissao[] {
  return [...account.records("comissoes")].flatMap((record): Comissao[] => {
    const id = toInteger(record.idcomissao);
    if (id === null) return [];
    return [
      {
        id,
        reservaId: toInteger(record.idreserva),
        empreendimento: toText(record.empreendimento),
        corretor: toText(record.corretor),
        imobiliaria: toText(record.imobiliaria),
        situacao: toText(record.situacao),
        ativo: toText(record.ativo),
        percentual: toDecimal(record.porcentagem_comissao, 7),
        valorContrato: toMoney(record.valor_contrato),
        valor: toMoney(record.valor_comissao),
        aPagar: toMoney(record.valor_comissao_apagar),
        pago: toMoney(record.valor_pagamento),
        notaFiscal: toText(record.nota_fiscal),
        dataPagamento: toDay(record.data_pagamento),
        dataCadastro: toMoment(record.data_cad),
      },
    ];
  });
}

/** Sum of the active ones among a reservation's commissions. */
export function sumCommissions(comissoes: readonly Comissao[]): CommissionTotal {
  const active = comissoes.filter((row) => row.ativo === "S");
  return { valor: sum(active.map((row) => row.valor)), any: active.length > 0 };
}
