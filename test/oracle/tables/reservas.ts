import { columnTypes } from "../column-types.ts";
import { percentage } from "../decimal.ts";
import { amount, type Cell, whole } from "../relation.ts";
import type { Reserva } from "../reservas.ts";
import type { Table } from "./table.ts";

const placeColumns = {
  reserva_id: "bigint",
  empreendimento_id: "bigint",
  empreendimento: "text",
  etapa: "text",
  bloco: "text",
  unidade_id: "bigint",
  unidade: "text",
  corretor_id: "bigint",
  corretor: "text",
  imobiliaria_id: "bigint",
  imobiliaria: "text",
  time_corretor: "text",
  cliente_id: "bigint",
} as const;

function place(reserva: Reserva): { readonly [column in keyof typeof placeColumns]: Cell } {
  return {
    reserva_id: whole(reserva.id),
    empreendimento_id: whole(reserva.empreendimentoId),
    empreendimento: reserva.empreendimento,
    etapa: reserva.etapa,
    bloco: reserva.bloco,
    unidade_id: whole(reserva.unidadeId),
    unidade: reserva.unidade,
    corretor_id: whole(reserva.corretorId),
    corretor: reserva.corretor,
    imobiliaria_id: whole(reserva.imobiliariaId),
    imobiliaria: reserva.imobiliaria,
    time_corretor: reserva.time,
    cliente_id: whole(reserva.clienteId),
  };
}

export const reservas: Table = {
  name: "reservas",
  key: ["reserva_id"],
  columns: {
    ...placeColumns,
    cidade_cliente: "text",
    situacao: "text",
    estagio: "text",
    ativo: "text",
    eh_venda: "boolean",
    valor_contrato: columnTypes.money,
    valor_proposta: columnTypes.money,
    vgv_tabela: columnTypes.money,
    tipo_venda: "text",
    midia: "text",
    campanha: "text",
    motivo_cancelamento: "text",
    data_venda: "date",
    data_reserva: columnTypes.instant,
    data_cancelamento: columnTypes.instant,
    vencimento: columnTypes.instant,
    atualizado_em: columnTypes.instant,
  },
  rowsOf: (facts) =>
    facts.reservas.map((reserva) => ({
      ...place(reserva),
      cidade_cliente: reserva.cidade,
      situacao: reserva.situacao,
      estagio: reserva.estagio,
      ativo: reserva.ativo,
      eh_venda: reserva.ehVenda,
      valor_contrato: amount(reserva.valorContrato),
      valor_proposta: amount(reserva.valorProposta),
      vgv_tabela: amount(reserva.vgvTabela),
      tipo_venda: reserva.tipoVenda,
      midia: reserva.midia,
      campanha: reserva.campanha,
      motivo_cancelamento: reserva.motivoCancelamento,
      data_venda: reserva.dataVenda,
      data_reserva: reserva.dataReserva,
      data_cancelamento: reserva.dataCancelamento,
      vencimento: reserva.vencimento,
      atualizado_em: reserva.atualizadoEm,
    })),
};

export const vendas: Table = {
  name: "vendas",
  key: ["reserva_id"],
  columns: {
    ...placeColumns,
    valor: columnTypes.money,
    data_venda: "date",
    ativo: "text",
    status: "text",
    comissao_valor: columnTypes.money,
    comissao_percentual: columnTypes.percent,
    valor_financiamento: columnTypes.money,
    valor_entrada: columnTypes.money,
    valor_fgts: columnTypes.money,
    valor_subsidio: columnTypes.money,
    valor_prosoluto: columnTypes.money,
    prosoluto_origem: "text",
    numero_parcelas: "integer",
    vgv: columnTypes.money,
    vgv_tabela: columnTypes.money,
    tipo_venda: "text",
    midia: "text",
    data_reserva: columnTypes.instant,
    atualizado_em: columnTypes.instant,
  },
  rowsOf: (facts) =>
    facts.vendas.map((venda) => {
      const valores = facts.valoresOf(venda);
      const commission = facts.commissionOf(venda);
      return {
        ...place(venda),
        valor: amount(venda.valor),
        data_venda: venda.dataVenda,
        ativo: venda.ativo,
        status: venda.situacao,
        comissao_valor: amount(commission.valor),
        comissao_percentual: amount(percentage(commission.valor, venda.valor ?? 0n)),
        valor_financiamento: amount(valores.financiamento),
        valor_entrada: amount(valores.entrada),
        valor_fgts: amount(valores.fgts),
        valor_subsidio: amount(valores.subsidio),
        valor_prosoluto: amount(valores.prosoluto),
        prosoluto_origem: valores.prosolutoOrigem,
        numero_parcelas: whole(valores.numeroParcelas),
        vgv: amount(venda.valor),
        vgv_tabela: amount(venda.vgvTabela),
        tipo_venda: venda.tipoVenda,
        midia: venda.midia,
        data_reserva: venda.dataReserva,
        atualizado_em: venda.atualizadoEm,
      };
    }),
};
