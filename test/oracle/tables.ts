import type { AccountFacts } from "./account.ts";
import { divideRounded, type Hundredths, percentage, sum } from "./decimal.ts";
import { developmentsOf, newestFirst } from "./developments.ts";
import { groupBy } from "./group.ts";
import type { Condicao, Leitura } from "./payments.ts";
import { amount, type Cell, type OracleRelation, row, whole } from "./relation.ts";
import type { Reserva, Venda } from "./reservas.ts";

const money = "numeric(15,2)";
const sums = "numeric(18,2)";
const percent = "numeric(7,2)";
const instant = "timestamp with time zone";

/** The marts that the views rest on. Masked columns are left out. */
export function expectedTables(accounts: readonly AccountFacts[]): readonly OracleRelation[] {
  return [
    reservas,
    vendas,
    comissoes,
    condicoes,
    valoresReservas,
    prosoluto,
    unidades,
    empreendimentos,
    leituraCondicoes,
    naoClassificados,
  ].map(({ name, key, columns, rowsOf }) => ({
    name,
    key: ["conta", ...key],
    columns: { conta: "text", ...columns },
    rows: accounts.flatMap((facts) =>
      rowsOf(facts).map((cells) => row({ ...cells, conta: facts.conta })),
    ),
  }));
}

type Table = {
  readonly name: string;
  readonly key: readonly string[];
  readonly columns: { readonly [column: string]: string };
  readonly rowsOf: (facts: AccountFacts) => readonly { readonly [column: string]: Cell }[];
};

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

const reservas: Table = {
  name: "reservas",
  key: ["reserva_id"],
  columns: {
    ...placeColumns,
    cidade_cliente: "text",
    situacao: "text",
    estagio: "text",
    ativo: "text",
    eh_venda: "boolean",
    valor_contrato: money,
    valor_proposta: money,
    vgv_tabela: money,
    tipo_venda: "text",
    midia: "text",
    campanha: "text",
    motivo_cancelamento: "text",
    data_venda: "date",
    data_reserva: instant,
    data_cancelamento: instant,
    vencimento: instant,
    atualizado_em: instant,
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

const vendas: Table = {
  name: "vendas",
  key: ["reserva_id"],
  columns: {
    ...placeColumns,
    valor: money,
    data_venda: "date",
    ativo: "text",
    status: "text",
    comissao_valor: money,
    comissao_percentual: percent,
    valor_financiamento: money,
    valor_entrada: money,
    valor_fgts: money,
    valor_subsidio: money,
    valor_prosoluto: money,
    prosoluto_origem: "text",
    numero_parcelas: "integer",
    vgv: money,
    vgv_tabela: money,
    tipo_venda: "text",
    midia: "text",
    data_reserva: instant,
    atualizado_em: instant,
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

const comissoes: Table = {
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
    percentual: percent,
    valor_contrato: money,
    valor_comissao: money,
    valor_a_pagar: money,
    valor_pago: money,
    nota_fiscal: "text",
    data_pagamento: "date",
    data_cadastro: instant,
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

const condicoes: Table = {
  name: "condicoes",
  key: ["condicao_id"],
  columns: {
    condicao_id: "bigint",
    reserva_id: "bigint",
    serie: "text",
    classe: "text",
    ativo: "text",
    quantidade_parcelas: "integer",
    valor: money,
    valor_parcela: money,
    valor_total: money,
    valor_com_juros: money,
    portador: "text",
    indexador: "text",
    vencimento: "date",
    atualizado_em: instant,
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

const valoresReservas: Table = {
  name: "valores_reservas",
  key: ["reserva_id"],
  columns: {
    reserva_id: "bigint",
    valor: money,
    valor_entrada: money,
    valor_parcelas: money,
    valor_financiamento: money,
    valor_fgts: money,
    valor_subsidio: money,
    valor_fora_do_preco: money,
    valor_nao_classificado: money,
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

const prosoluto: Table = {
  name: "prosoluto",
  key: ["reserva_id"],
  columns: {
    reserva_id: "bigint",
    empreendimento_id: "bigint",
    empreendimento: "text",
    corretor_id: "bigint",
    corretor: "text",
    valor_venda: money,
    valor_prosoluto: money,
    percentual_prosoluto: percent,
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

const situacoes = ["disponivel", "reservada", "vendida", "bloqueada", "em_processo"] as const;

const unidades: Table = {
  name: "unidades",
  key: ["unidade_id"],
  columns: {
    unidade_id: "bigint",
    empreendimento_id: "bigint",
    empreendimento: "text",
    etapa: "text",
    bloco: "text",
    unidade: "text",
    andar: "text",
    tipologia: "text",
    tipo: "text",
    area_privativa: "numeric(12,2)",
    vagas: "text",
    valor_tabela: money,
    situacao_codigo: "integer",
    situacao: "text",
    reserva_id: "bigint",
    data_venda: "date",
    data_entrega: "date",
    atualizado_em: instant,
  },
  rowsOf: (facts) => {
    const salesOf = groupBy(facts.vendas, (venda) => venda.unidadeId);
    const liveOf = groupBy(facts.reservas.filter(isLive), (reserva) => reserva.unidadeId);
    return facts.unidades.map((unit) => {
      const [sale] = (salesOf.get(unit.id) ?? []).toSorted(latestSaleFirst);
      const candidates = newestFirst(liveOf.get(unit.id) ?? []);
      const live = candidates.find(({ id }) => id === unit.reservada) ?? candidates[0];
      return {
        unidade_id: whole(unit.id),
        empreendimento_id: whole(unit.empreendimentoId),
        empreendimento: unit.empreendimento,
        etapa: unit.etapa,
        bloco: unit.bloco,
        unidade: unit.nome,
        andar: unit.andar,
        tipologia: unit.tipologia,
        tipo: unit.tipo,
        area_privativa: amount(unit.area),
        vagas: unit.vagas,
        valor_tabela: amount(unit.valorTabela),
        situacao_codigo: whole(unit.codigo),
        situacao: situacoes[Number(unit.codigo ?? 0n) - 1] ?? null,
        reserva_id: whole(sale?.id ?? live?.id ?? null),
        data_venda: sale?.dataVenda ?? null,
        data_entrega: unit.dataEntrega,
        atualizado_em: unit.atualizadoEm,
      };
    });
  },
};

function latestSaleFirst(a: Venda, b: Venda): number {
  if (a.dataVenda !== b.dataVenda) return a.dataVenda < b.dataVenda ? 1 : -1;
  return a.id < b.id ? 1 : -1;
}

/** Neither sold nor given up. */
function isLive({ ativo, ehVenda, estagio }: Reserva): boolean {
  return ativo === "S" && !ehVenda && estagio === null;
}

const empreendimentos: Table = {
  name: "empreendimentos",
  key: ["empreendimento_id"],
  columns: {
    empreendimento_id: "bigint",
    empreendimento: "text",
    tipo: "text",
    total_unidades: "integer",
    unidades_disponiveis: "integer",
    unidades_vendidas: "integer",
    vgv_tabela: sums,
    valor_vendido: sums,
  },
  rowsOf: (facts) => {
    return developmentsOf(facts).map(({ id, nome, tipo, unidades: units }) => ({
      empreendimento_id: whole(id),
      empreendimento: nome,
      tipo,
      total_unidades: units.length,
      unidades_disponiveis: units.filter((unit) => unit.codigo === 1n).length,
      unidades_vendidas: units.filter((unit) => unit.codigo === 3n).length,
      vgv_tabela: amount(sum(units.map((unit) => unit.valorTabela))),
      valor_vendido: amount(
        sum(facts.vendas.filter((v) => v.empreendimentoId === id).map((venda) => venda.valor)),
      ),
    }));
  },
};

const leituraCondicoes: Table = {
  name: "leitura_condicoes",
  key: [],
  columns: { leitura: "text" },
  rowsOf: (facts) => (facts.reservas.length === 0 ? [] : [{ leitura: facts.leitura }]),
};

const naoClassificados: Table = {
  name: "nao_classificados",
  key: ["tipo", "texto"],
  columns: { tipo: "text", texto: "text", linhas: "integer", valor: sums },
  rowsOf: (facts) => [
    ...listed(
      "serie",
      facts.condicoes
        .filter((row) => row.ativo === "S" && row.classe === "nao_classificada")
        .map((row) => ({ texto: row.serie ?? "", valor: row.valorTotal })),
    ),
    ...listed(
      "situacao",
      facts.reservas
        .filter((reserva) => reserva.estagio === null)
        .map((reserva) => ({ texto: reserva.situacao ?? "", valor: reserva.valorContrato })),
    ),
    ...[
      ...groupBy(
        facts.vendas.filter((venda) => venda.time === null && venda.corretorId !== null),
        (venda) => venda.corretorId,
      ),
    ].map(([id, mine]) => {
      const nome =
        mine
          .map((venda) => venda.corretor ?? "")
          .toSorted()
          .at(-1) ?? "";
      return {
        tipo: "corretor_sem_time",
        texto: `${id} ${nome}`.trim(),
        linhas: mine.length,
        valor: amount(sum(mine.map((venda) => venda.valor))),
      };
    }),
  ],
};

function listed(
  tipo: string,
  rows: readonly { readonly texto: string; readonly valor: Hundredths | null }[],
): readonly { readonly [column: string]: Cell }[] {
  return [...groupBy(rows, (each) => each.texto)].map(([texto, mine]) => ({
    tipo,
    texto,
    linhas: mine.length,
    valor: amount(sum(mine.map((each) => each.valor))),
  }));
}
