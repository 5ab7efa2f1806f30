import { columnTypes } from "../column-types.ts";
import { amount, whole } from "../relation.ts";
import type { Table } from "./table.ts";

export const comissoes: Table = {
  name: "comissoes",
  key: ["comissao_id"],
  columns: {
    comissao_id: "bigint",
    reserva_id: "bigint",
    empreendimento: "text",
    corretor: "text",
    imobiliaria: "text",
    situacao: "text",
    ativo: "text",
    percentual: columnTypes.percent,
    valor_contrato: columnTypes.money,
    valor_comissao: columnTypes.money,
    valor_a_pagar: columnTypes.money,
    valor_pago: columnTypes.money,
    nota_fiscal: "text",
    data_pagamento: "date",
    data_cadastro: columnTypes.instant,
  },
  rowsOf: (facts) =>
    facts.comissoes.map((comissao) => ({
      comissao_id: whole(comissao.id),
      reserva_id: whole(comissao.reservaId),
      empreendimento: comissao.empreendimento,
      corretor: comissao.corretor,
      imobiliaria: comissao.imobiliaria,
      situacao: comissao.situacao,
      ativo: comissao.ativo,
      percentual: amount(comissao.percentual),
      valor_contrato: amount(comissao.valorContrato),
      valor_comissao: amount(comissao.valor),
      valor_a_pagar: amount(comissao.aPagar),
      valor_pago: amount(comissao.pago),
      nota_fiscal: comissao.notaFiscal,
      data_pagamento: comissao.dataPagamento,
      data_cadastro: comissao.dataCadastro,
    })),
};
