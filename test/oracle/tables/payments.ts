import { columnTypes } from "../column-types.ts";
import { divideRounded, type Hundredths, percentage } from "../decimal.ts";
import type { Condicao, Leitura } from "../payments.ts";
import { amount, whole } from "../relation.ts";
import type { Table } from "./table.ts";

export const condicoes: Table = {
  name: "condicoes",
  key: ["condicao_id"],
  columns: {
    condicao_id: "bigint",
    reserva_id: "bigint",
    serie: "text",
    classe: "text",
    ativo: "text",
    quantidade_parcelas: "integer",
    valor: columnTypes.money,
    valor_parcela: columnTypes.money,
    valor_total: columnTypes.money,
    valor_com_juros: columnTypes.money,
    portador: "text",
    indexador: "text",
    vencimento: "date",
    atualizado_em: columnTypes.instant,
  },
  rowsOf: (facts) =>
    facts.condicoes.map((condicao) => ({
      condicao_id: whole(condicao.id),
      reserva_id: whole(condicao.reservaId),
      serie: condicao.serie,
      classe: condicao.classe,
      ativo: condicao.ativo,
      quantidade_parcelas: whole(condicao.quantidade),
      valor: amount(condicao.valor),
      valor_parcela: amount(instalmentOf(condicao, facts.leitura)),
      valor_total: amount(condicao.valorTotal),
      valor_com_juros: amount(condicao.valorComJuros),
      portador: condicao.portador,
      indexador: condicao.indexador,
      vencimento: condicao.vencimento,
      atualizado_em: condicao.atualizadoEm,
    })),
};

function instalmentOf({ valor, quantidade }: Condicao, leitura: Leitura): Hundredths | null {
  if (valor === null || leitura === "parcela") return valor;
  return quantidade === 0n ? null : divideRounded(valor, quantidade ?? 1n);
}

export const valoresReservas: Table = {
  name: "valores_reservas",
  key: ["reserva_id"],
  columns: {
    reserva_id: "bigint",
    valor: columnTypes.money,
    valor_entrada: columnTypes.money,
    valor_parcelas: columnTypes.money,
    valor_financiamento: columnTypes.money,
    valor_fgts: columnTypes.money,
    valor_subsidio: columnTypes.money,
    valor_fora_do_preco: columnTypes.money,
    valor_nao_classificado: columnTypes.money,
    numero_parcelas: "integer",
  },
  rowsOf: (facts) =>
    facts.reservas.map((reserva) => {
      const valores = facts.valoresOf(reserva);
      return {
        reserva_id: whole(reserva.id),
        valor: amount(reserva.valor),
        valor_entrada: amount(valores.entrada),
        valor_parcelas: amount(valores.parcelas),
        valor_financiamento: amount(valores.financiamento),
        valor_fgts: amount(valores.fgts),
        valor_subsidio: amount(valores.subsidio),
        valor_fora_do_preco: amount(valores.foraDoPreco),
        valor_nao_classificado: amount(valores.naoClassificado),
        numero_parcelas: whole(valores.numeroParcelas),
      };
    }),
};

export const prosoluto: Table = {
  name: "prosoluto",
  key: ["reserva_id"],
  columns: {
    reserva_id: "bigint",
    empreendimento_id: "bigint",
    empreendimento: "text",
    corretor_id: "bigint",
    corretor: "text",
    valor_venda: columnTypes.money,
    valor_prosoluto: columnTypes.money,
    percentual_prosoluto: columnTypes.percent,
    origem: "text",
    numero_parcelas: "integer",
    data_venda: "date",
  },
  rowsOf: (facts) =>
    facts.vendas
      .map((venda) => ({ venda, valores: facts.valoresOf(venda) }))
      .filter(({ valores }) => valores.prosoluto > 0n)
      .map(({ venda, valores }) => ({
        reserva_id: whole(venda.id),
        empreendimento_id: whole(venda.empreendimentoId),
        empreendimento: venda.empreendimento,
        corretor_id: whole(venda.corretorId),
        corretor: venda.corretor,
        valor_venda: amount(venda.valor),
        valor_prosoluto: amount(valores.prosoluto),
        percentual_prosoluto: amount(percentage(valores.prosoluto, venda.valor ?? 0n)),
        origem: valores.prosolutoOrigem,
        numero_parcelas: whole(valores.numeroParcelas),
        data_venda: venda.dataVenda,
      })),
};

export const leituraCondicoes: Table = {
  name: "leitura_condicoes",
  key: [],
  columns: { leitura: "text" },
  rowsOf: (facts) => (facts.reservas.length === 0 ? [] : [{ leitura: facts.leitura }]),
};
