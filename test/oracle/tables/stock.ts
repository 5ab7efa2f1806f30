import { columnTypes } from "../column-types.ts";
import { sum } from "../decimal.ts";
import { developmentsOf, newestFirst } from "../developments.ts";
import { groupBy } from "../group.ts";
import { amount, whole } from "../relation.ts";
import type { Reserva, Venda } from "../reservas.ts";
import type { Table } from "./table.ts";

const situacoes = ["disponivel", "reservada", "vendida", "bloqueada", "em_processo"] as const;

export const unidades: Table = {
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
    valor_tabela: columnTypes.money,
    situacao_codigo: "integer",
    situacao: "text",
    reserva_id: "bigint",
    data_venda: "date",
    data_entrega: "date",
    atualizado_em: columnTypes.instant,
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

export const empreendimentos: Table = {
  name: "empreendimentos",
  key: ["empreendimento_id"],
  columns: {
    empreendimento_id: "bigint",
    empreendimento: "text",
    tipo: "text",
    total_unidades: "integer",
    unidades_disponiveis: "integer",
    unidades_vendidas: "integer",
    vgv_tabela: columnTypes.sum,
    valor_vendido: columnTypes.sum,
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
