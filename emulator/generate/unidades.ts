import type { BaseRows } from "../base-rows.ts";
import type { CvdwRecord, Json } from "../record.ts";
import { brazilianDayText, dayText, momentText } from "../wall-clock.ts";
import { computedRows, reais, reaisText } from "./computed-rows.ts";
import { firstId, type Market, randomFor } from "./market.ts";
import type { Story } from "./story.ts";
import type { Unidade } from "./unidade.ts";
import type { World } from "./world.ts";

/** The units: sold or reserved when their reservation says so, else on offer or blocked. */
export function unidadesRows({ market, stories }: World): BaseRows {
  const first = firstId("unidades");
  return computedRows({
    count: stories.unidades,
    record: (position) =>
      unidadeRecord(
        market,
        stories.unidade(position),
        stories.holderOf(position),
        changedAt(position),
      ),
    changedAt,
    hoje: market.calendar.hoje,
    find: (key) => Number(key) - first,
  });

  /** Units are touched along with the reservations of their block. */
  function changedAt(position: number): number {
    return stories.changedAt(Math.min(Math.floor((position * 10) / 8), stories.count - 1));
  }
}

function unidadeRecord(
  market: Market,
  unidade: Unidade,
  holder: Story | undefined,
  changedAt: number,
): CvdwRecord {
  const random = randomFor(market.seed, "unidades", unidade.position);
  const { empreendimento } = unidade;
  const sold = holder?.outcome === "venda" ? holder : undefined;
  const live = holder?.outcome === "viva" ? holder : undefined;
  const blocked = holder === undefined && random.chance(0.08);
  const horizontal = empreendimento.tipo === "Horizontal";
  const delivery = market.calendar.hoje + 30 * (empreendimento.id % 40) - 300;
  const day = (number: number): Json =>
    random.chance(0.7) ? brazilianDayText(number) : dayText(number);
  const bedrooms = unidade.area < 55 ? 2 : unidade.area < 100 ? 3 : 4;
  return {
    referencia: unidade.id,
    referencia_data: momentText(changedAt),
    idempreendimento: empreendimento.id,
    idempreendimento_int: `E${empreendimento.id}`,
    idtipo_empreendimento: horizontal ? 2 : 1,
    tipo_empreendimento: empreendimento.tipo,
    nome_empreendimento: empreendimento.nome,
    idetapa: empreendimento.id * 10,
    idetapa_int: null,
    etapa: "Etapa única",
    idbloco: empreendimento.id * 100,
    idbloco_int: null,
    bloco: unidade.bloco,
    nome: unidade.nome,
    area_privativa: unidade.area,
    idunidade: unidade.id,
    idunidade_int: random.chance(0.3) ? `U${unidade.id}` : null,
    vagas_garagem: `${bedrooms - 1}`,
    andar: `${unidade.andar}`,
    area_comum: random.chance(0.5) ? null : random.between(5, 30),
    coluna: null,
    posicao: random.pick(["Frente", "Fundos", "Lateral", ""]),
    tipologia: random.chance(0.04) ? "" : `${bedrooms} quartos`,
    tipo: horizontal ? "Casa" : "Apartamento",
    idtipo_int: null,
    empresa_terceirizacao: null,
    valor: market.vocabulary.numerosComoTexto ? reaisText(unidade.tabela) : reais(unidade.tabela),
    valor_avaliacao: reaisText(Math.round(unidade.tabela * 0.97)),
    data_bloqueio: blocked ? day(Math.floor(changedAt / 86_400)) : null,
    data_entrega: random.chance(0.1) ? null : day(delivery),
    data_entrega_chaves: delivery < market.calendar.hoje && sold ? day(delivery + 20) : null,
    agendar_a_partir: null,
    liberar_a_partir: random.chance(0.02) ? "00/00/0000" : null,
    plantas: [{ idplanta: bedrooms, nome: `Planta ${bedrooms} quartos` }],
    campos_adicionais: random.chance(0.1)
      ? [{ nome_referencia: "matricula", valor: `${random.int(99_999)}` }]
      : [],
    situacao_reservada: live?.id ?? 0,
    situacao_reservada_vencimento: live ? momentText(live.criada + 7 * 86_400) : null,
    situacao_reservada_idsituacao: live ? 1 : null,
    situacao_reservada_nomesituacao: live?.situacao ?? null,
    situacao_cor_bg: null,
    situacao_cor_nome: null,
    situacao_nome: holder?.cliente ?? null,
    situacao_reservada_inicio: live ? momentText(live.criada) : null,
    situacao_vendida: sold?.id ?? 0,
    situacao_vendida_idsituacao: sold ? 3 : null,
    situacao_idmotivo: null,
    situacao_bloqueados_internos: "N",
    situacao_bloqueada: blocked ? "S" : "N",
    situacao_bloqueada_idmotivo: blocked ? 1 : null,
    situacao_bloqueada_motivo: blocked ? "Permuta com o terreno" : null,
    situacao_tipo_id: null,
    situacao_tipo_nome: null,
    situacao_para_venda: holder === undefined && !blocked ? 1 : 0,
    situacao_mapa_disponibilidade: sold ? 3 : live ? random.pick([5, 5, 2]) : blocked ? 4 : 1,
    situacao_possui_reserva_solicitacao_distrato: "N",
    cib: null,
  };
}
