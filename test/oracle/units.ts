import { toCount, toDay, toDecimal, toId, toInteger, toMoment, toMoney, toText } from "./casts.ts";
import type { Hundredths } from "./decimal.ts";
import type { SourceAccount } from "./reservas.ts";

export type Unidade = {
  readonly id: bigint;
  readonly empreendimentoId: bigint | null;
  readonly empreendimento: string | null;
  readonly tipoEmpreendimento: string | null;
  readonly etapa: string | null;
  readonly bloco: string | null;
  readonly nome: string | null;
  readonly andar: string | null;
  readonly tipologia: string | null;
  readonly tipo: string | null;
  readonly area: Hundredths | null;
  readonly vagas: string | null;
  readonly valorTabela: Hundredths | null;
  /** 1 available, 2 reserved, 3 sold, 4 blocked, 5 in process. */
  readonly codigo: bigint | null;
  readonly reservada: bigint | null;
  readonly dataEntrega: string | null;
  readonly atualizadoEm: string | null;
};

/** Every unit of an account. */
export function readUnidades(account: SourceAccount): readonly Unidade[] {
  return [...account.records("unidades")].flatMap((record): Unidade[] => {
    const id = toInteger(record.idunidade);
    if (id === null) return [];
    return [
      {
        id,
        empreendimentoId: toInteger(record.idempreendimento),
        empreendimento: toText(record.nome_empreendimento),
        tipoEmpreendimento: toText(record.tipo_empreendimento),
        etapa: toText(record.etapa),
        bloco: toText(record.bloco),
        nome: toText(record.nome),
        andar: toText(record.andar),
        tipologia: toText(record.tipologia),
        tipo: toText(record.tipo),
        area: toDecimal(record.area_privativa, 12),
        vagas: toText(record.vagas_garagem),
        valorTabela: toMoney(record.valor),
        codigo: toCount(record.situacao_mapa_disponibilidade),
        reservada: toId(record.situacao_reservada),
        dataEntrega: toDay(record.data_entrega),
        atualizadoEm: toMoment(record.referencia_data),
      },
    ];
  });
}
