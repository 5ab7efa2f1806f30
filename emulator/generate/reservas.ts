import type { BaseRows } from "../base-rows.ts";
import type { CvdwRecord } from "../record.ts";
import { dayText, momentText } from "../wall-clock.ts";
import { computedRows, reais, reaisText } from "./computed-rows.ts";
import { agencyOf, firstId, type Market, randomFor } from "./market.ts";
import type { Story } from "./story.ts";
import { remarks } from "./texts.ts";
import type { World } from "./world.ts";

const idsituacao = { viva: 1, venda: 3, cancelada: 4, distrato: 5 } as const;

/** One row per reservation, all 97 fields. */
export function reservasRows({ market, stories }: World): BaseRows {
  return computedRows({
    count: stories.count,
    record: (position) => reservaRecord(market, stories.story(position)),
    changedAt: stories.changedAt,
    undated: stories.count >= 200 ? 3 : 0,
    hoje: market.calendar.hoje,
    find: (key) => Number(key) - firstId("reservas"),
  });
}

function reservaRecord(market: Market, story: Story): CvdwRecord {
  const random = randomFor(market.seed, "reservas", story.position);
  const { empreendimento, unidade, corretor, outcome } = story;
  const { numerosComoTexto } = market.vocabulary;
  const amount = numerosComoTexto ? reaisText : reais;
  const imobiliaria = agencyOf(market, corretor);
  const changed = momentText(story.alterada);
  const undated = undatedForm(story.position, market.reservas);
  const shownChange = undated === undefined ? changed : undated;
  const over = outcome === "distrato" || outcome === "cancelada";
  const approved = outcome === "venda" && random.chance(0.2);
  const emptyText = random.chance(0.5) ? null : "";
  const team = corretor?.time ?? emptyText;
  const lead = 1 + random.int(market.reservas * 4);
  return {
    referencia: `${story.id}`,
    referencia_data: shownChange,
    ativo: story.ativo,
    idreserva: story.id,
    data_cad: momentText(story.criada),
    codigointerno: random.chance(0.3) ? `RV-${story.id}` : null,
    numero_venda: outcome === "venda" ? `${story.id}` : null,
    aprovada: approved ? "Sim" : "Não",
    data_venda: story.dataVenda,
    situacao: story.situacao,
    idsituacao: idsituacao[outcome],
    situacao_comercial: outcome === "venda" ? "Vendido" : null,
    idempreendimento: empreendimento.id,
    codigointerno_empreendimento: `E${empreendimento.id}`,
    empreendimento: empreendimento.nome,
    data_entrega_chaves_contrato_cliente: random.chance(0.2)
      ? dayText(Math.floor(story.decidida / 86_400) + 900)
      : null,
    etapa: "Etapa única",
    bloco: unidade?.bloco ?? emptyText,
    unidade: unidade?.nome ?? emptyText,
    regiao: empreendimento.regiao,
    venda: outcome === "venda" ? "Sim" : "Não",
    idcliente: story.idcliente,
    documento_cliente: story.documento,
    cliente: story.cliente,
    email: `cliente${story.idcliente}@example.com`,
    cidade: empreendimento.cidade,
    cep_cliente: `${89_000 + random.int(999)}-${100 + random.int(899)}`,
    renda: reaisText(200_000 + random.int(2_500_000)),
    sexo: random.pick(["M", "F", ""]),
    idade: random.between(19, 78),
    estado_civil: random.pick(["Solteiro(a)", "Casado(a)", "Divorciado(a)", "União estável"]),
    idcorretor: corretor?.id ?? (random.chance(0.5) ? 0 : null),
    corretor: corretor?.nome ?? null,
    idimobiliaria: corretor?.imobiliaria ?? null,
    imobiliaria: imobiliaria?.nome ?? null,
    valor_contrato: reais(story.valorContrato),
    vencimento: momentText(story.criada + 7 * 86_400),
    data_cancelamento: over ? changed : random.chance(0.1) ? "0000-00-00 00:00:00" : null,
    campanha: random.chance(0.2) ? "Feirão de aniversário" : null,
    cessao: "N",
    motivo_cancelamento: over ? story.motivo : null,
    espacos_complementares: random.pick(remarks),
    idlead: random.chance(0.05) ? `${lead},${lead + 3}` : random.chance(0.3) ? "" : `${lead}`,
    data_ultima_alteracao_situacao: changed,
    idempresa_correspondente: null,
    empresa_correspondente: null,
    valor_fgts: amount(story.fgts),
    valor_financiamento: amount(story.financiamento),
    valor_subsidio: story.subsidio === 0 && random.chance(0.3) ? null : amount(story.subsidio),
    nome_usuario: null,
    idunidade: unidade?.id ?? null,
    idprecadastro: random.chance(0.4) ? 1 + random.int(market.reservas) : null,
    idmidia: 1,
    midia: random.chance(0.1) ? null : story.midia,
    descricao_motivo_cancelamento: over ? random.pick(remarks) : null,
    idsituacao_anterior: 1,
    situacao_anterior: market.vocabulary.vivas[0],
    idtabela: 1 + random.int(4),
    nometabela: "Tabela vigente",
    codigointernotabela: null,
    data_contrato: story.dataVenda?.slice(0, 10) ?? null,
    valor_proposta: reais(story.preco),
    vpl_tabela: reais(Math.round(story.tabela * 0.93)),
    vgv_tabela: reais(story.tabela),
    vpl_reserva: reais(Math.round(story.preco * 0.94)),
    usuario_aprovacao: null,
    data_aprovacao: approved ? momentText(story.decidida).slice(0, 10) : "0000-00-00",
    juros_condicao_aprovada: 0,
    juros_apos_entrega_condicao_aprovada: 1,
    idtabela_condicao_aprovada: null,
    data_primeira_aprovacao: null,
    aprovacao_absoluto: null,
    aprovacao_vpl_valor: null,
    idtipovenda: story.financiamento > 0 ? 1 : 2,
    tipovenda: story.financiamento > 0 ? "Venda Financiamento" : "Venda Direta",
    idgrupo: null,
    grupo: null,
    data_modificacao: shownChange,
    campos_adicionais: random.chance(0.15) ? [extraField(story, changed)] : [],
    campos_adicionais_contrato: [],
    valor_contrato_com_juros: reais(Math.round(story.valorContrato * 1.08)),
    idtipo_tabela: 1,
    tipo_tabela: "Normal",
    valor_liquido_com_juros: null,
    valor_liquido_sem_juros: null,
    idgestor_time: null,
    nome_time: random.chance(0.03) ? emptyText : team,
    juros_apos_entrega_cadastro: null,
    juros_cadastro_fixa_adicional: null,
    juros_cadastro: null,
    data_entrega: dayText(market.calendar.hoje + 30 * (empreendimento.id % 40)),
    vgv_tabela_minima: null,
    vpl_tabela_minima: null,
    idtime: null,
    time: team,
    idtipo_reserva: 1,
    tipo_reserva: "Normal",
  };
}

/** The three forms of no date, on the first rows. */
function undatedForm(position: number, reservas: number): string | null | undefined {
  if (reservas < 200 || position > 2) return undefined;
  return [null, "", "0000-00-00 00:00:00"][position];
}

function extraField(story: Story, changed: string): CvdwRecord {
  return {
    referencia: `${story.id * 10}`,
    referencia_data: changed,
    idcampo_valores: story.id * 10,
    nome: "Valor do mobiliário",
    valor: brazilianNumber(story.preco / 50),
    tipo: "texto",
  };
}

/** An amount as people type it: `1.234,56`. */
export function brazilianNumber(cents: number): string {
  const [whole = "0", decimals = "00"] = reaisText(Math.round(cents)).split(".");
  return `${whole.replace(/\B(?=(\d{3})+$)/g, ".")},${decimals}`;
}
