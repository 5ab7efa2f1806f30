import {
  type Ago,
  dateOrNull,
  idsituacao,
  idUnidade,
  nomeImobiliaria,
  nomeUnidade,
  type Reserva,
  reservas,
} from "./exemplo-story.ts";
import type { CvdwRecord } from "./record.ts";
import { recordOf } from "./record-of.ts";

/** A reservation as `/reservas` shows it. */
export function reservaRecord(reserva: Reserva, ago: Ago): CvdwRecord {
  const { empreendimento, corretor } = reserva;
  const changed = ago(reserva.alteradaHa, "16:30:00");
  const gone = reserva.situacao === "Distrato" || reserva.situacao === "Cancelada";
  return recordOf("reservas", {
    referencia: `${reserva.id}`,
    referencia_data: changed,
    ativo: "S",
    idreserva: reserva.id,
    data_cad: ago(reserva.criadaHa, "09:15:00"),
    aprovada: reserva.vendidaHa === undefined ? "Não" : "Sim",
    data_venda: dateOrNull(reserva.vendidaHa, ago),
    situacao: reserva.situacao,
    idsituacao: idsituacao[reserva.situacao],
    idempreendimento: empreendimento.id,
    empreendimento: empreendimento.nome,
    etapa: "Única",
    bloco: "A",
    unidade: nomeUnidade(reserva.andar),
    idunidade: idUnidade(empreendimento, reserva.andar),
    regiao: "Litoral",
    venda: reserva.situacao === "Vendida" ? "Sim" : "Não",
    idcliente: 500 + reserva.id,
    documento_cliente: reserva.documento,
    cliente: reserva.cliente,
    email: `cliente${reserva.id}@example.com`,
    cidade: "Florianópolis",
    idcorretor: corretor.id,
    corretor: corretor.nome,
    idimobiliaria: corretor.imobiliaria,
    imobiliaria: nomeImobiliaria(corretor.imobiliaria),
    valor_contrato: reserva.valor,
    valor_proposta: reserva.valor,
    vgv_tabela: empreendimento.tabela,
    valor_financiamento: reserva.financiamento,
    valor_fgts: reserva.fgts,
    valor_subsidio: 0,
    vencimento: ago(reserva.criadaHa - 5, "18:00:00"),
    data_cancelamento: gone ? changed : null,
    motivo_cancelamento: gone ? "Desistência do cliente" : null,
    data_ultima_alteracao_situacao: changed,
    data_contrato: dateOrNull(reserva.vendidaHa, ago)?.slice(0, 10) ?? null,
    idmidia: 1,
    midia: reserva.id % 2 === 0 ? "Instagram" : "Indicação",
    idtipovenda: 1,
    tipovenda: "Financiamento bancário",
    idtabela: 1,
    nometabela: "Tabela vigente",
    data_modificacao: changed,
    campos_adicionais: [],
    campos_adicionais_contrato: [],
    nome_time: corretor.time,
  });
}

/** The reservation's payment rows. `valor` is the whole row, not one instalment. */
export function condicoes(reserva: Reserva, ago: Ago): CvdwRecord[] {
  const { valor, financiamento, fgts } = reserva;
  const entrada = valor / 10;
  const rows: [serie: string, quantidade: number, valor: number][] = [
    ["Ato/Sinal", 1, entrada],
    ["Parcelas Mensais", 36, valor - financiamento - fgts - entrada],
    ["Financiamento", 1, financiamento],
    ["Valor de Venda", 1, valor],
  ];
  if (fgts > 0) rows.push(["FGTS", 1, fgts]);
  const changed = ago(reserva.alteradaHa, "16:30:00");
  return rows.map(([serie, quantidade, total], nth) =>
    recordOf("reservas_condicoes", {
      referencia: `${reserva.id * 10 + nth}`,
      referencia_data: changed,
      ativo: "S",
      idreservascondicoes: reserva.id * 10 + nth,
      idreserva: reserva.id,
      serie,
      parcela_quantidade: quantidade,
      valor: total,
      valor_com_juros: total,
      vencimento: ago(reserva.criadaHa - 30).slice(0, 10),
      portador: serie === "Financiamento" ? "Caixa Econômica Federal" : "Carteira",
      indexador: serie === "Parcelas Mensais" ? "INCC" : "Fixo",
      data_reservas_condicoes: ago(reserva.criadaHa, "09:20:00"),
      data_modificacao: changed,
    }),
  );
}

/** The commissions: João's first sale has two, the undone sale an inactive one. */
export function comissoes(ago: Ago): CvdwRecord[] {
  const rows: CvdwRecord[] = [];
  const add = (id: number, reserva: Reserva, values: CvdwRecord) => {
    const created = ago((reserva.vendidaHa ?? 1) - 1, "11:00:00");
    rows.push(
      recordOf("comissoes", {
        referencia: `${id}`,
        referencia_data: created,
        ativo: "S",
        idcomissao: id,
        situacao: "Paga",
        idsituacao: 2,
        idreserva: reserva.id,
        corretor: reserva.corretor.nome,
        imobiliaria: nomeImobiliaria(reserva.corretor.imobiliaria),
        empreendimento: reserva.empreendimento.nome,
        bloco: "A",
        etapa: "Única",
        unidade: nomeUnidade(reserva.andar),
        cliente: reserva.cliente,
        valor_contrato: reserva.valor,
        data_cad: created,
        ...values,
      }),
    );
  };
  const amounts = (valor: number, contrato: number, pago: number): CvdwRecord => ({
    porcentagem_comissao: Math.round((valor / contrato) * 10_000) / 100,
    valor_comissao: valor,
    valor_comissao_apagar: valor - pago,
    valor_pagamento: pago,
  });
  for (const reserva of reservas) {
    const { id, comissao, valor } = reserva;
    if (comissao === undefined) continue;
    // João's first sale was split between broker and agency; together they make 5 %.
    const shares = id === 101 ? [comissao * 0.8, comissao * 0.2] : [comissao];
    shares.forEach((share, nth) => {
      const paid = id < 104 ? share : 0;
      add(id * 10 + nth, reserva, {
        ...amounts(share, valor, paid),
        ...(paid > 0
          ? { data_pagamento: ago(80).slice(0, 10), nota_fiscal: `${id}${nth}` }
          : { situacao: "A pagar", idsituacao: 1 }),
      });
    });
  }
  const undone = reservas.find((reserva) => reserva.situacao === "Distrato");
  if (undone !== undefined) {
    add(1060, undone, {
      ...amounts(39_750, 795_000, 0),
      ativo: "N",
      situacao: "Cancelada",
      idsituacao: 3,
    });
  }
  return rows;
}

/** A sale as `/vendas` shows it. */
export function vendaRecord(reserva: Reserva, ago: Ago): CvdwRecord {
  const { empreendimento, corretor } = reserva;
  const sold = dateOrNull(reserva.vendidaHa, ago);
  return recordOf("vendas", {
    referencia: `${reserva.id}`,
    referencia_data: sold,
    ativo: "S",
    idreserva: reserva.id,
    data_reserva: ago(reserva.criadaHa, "09:15:00"),
    data_venda: sold,
    aprovada: "Sim",
    valor_contrato: reserva.valor,
    cliente: reserva.cliente,
    idcliente: 500 + reserva.id,
    documento_cliente: reserva.documento,
    idcorretor: corretor.id,
    corretor: corretor.nome,
    idimobiliaria: corretor.imobiliaria,
    imobiliaria: nomeImobiliaria(corretor.imobiliaria),
    idempreendimento: empreendimento.id,
    empreendimento: empreendimento.nome,
    etapa: "Única",
    bloco: "A",
    idunidade: idUnidade(empreendimento, reserva.andar),
    unidade: nomeUnidade(reserva.andar),
    area_privativa: empreendimento.area,
    idtipovenda: 1,
    tipovenda: "Financiamento bancário",
    associados: [],
  });
}
