import { type Account, type AccountOptions, createAccount } from "./account.ts";
import type { CvdwRecord, Json } from "./record.ts";
import { recordOf } from "./record-of.ts";
import { brazilianDayText, dayNumber, dayText } from "./wall-clock.ts";

/*
 * The account with a known answer: five standing sales worth 3,425,000.00, commissions of
 * 171,250.00, three developments, four brokers, three teams. The other records (a sale undone, a
 * cancelled and a living reservation, units on offer…) give every mart something to show and
 * change nothing of it.
 */

type Empreendimento = {
  readonly id: number;
  readonly nome: string;
  readonly tipologia: string;
  readonly area: number;
  readonly tabela: number;
};

const solNascente: Empreendimento = {
  id: 11,
  nome: "Residencial Sol Nascente",
  tipologia: "2 quartos",
  area: 58.4,
  tabela: 470_000,
};
const vistaMar: Empreendimento = {
  id: 12,
  nome: "Edifício Vista Mar Premium",
  tipologia: "3 suítes",
  area: 112.75,
  tabela: 820_000,
};
const parkResidence: Empreendimento = {
  id: 13,
  nome: "Condomínio Park Residence",
  tipologia: "4 suítes",
  area: 148.2,
  tabela: 940_000,
};
const empreendimentos = [solNascente, vistaMar, parkResidence];

type Corretor = {
  readonly id: number;
  readonly nome: string;
  readonly time: string;
  readonly imobiliaria: number;
};

const joao: Corretor = { id: 21, nome: "João Silva Santos", time: "Team Alpha", imobiliaria: 31 };
const ana: Corretor = { id: 22, nome: "Ana Costa Ferreira", time: "Team Beta", imobiliaria: 32 };
const carlos: Corretor = { id: 23, nome: "Carlos Rodrigues", time: "Team Beta", imobiliaria: 32 };
const fernanda: Corretor = { id: 24, nome: "Fernanda Lima", time: "Team Gamma", imobiliaria: 31 };
const corretores = [joao, ana, carlos, fernanda];

const imobiliarias = [
  { id: 31, nome: "Horizonte Imóveis" },
  { id: 32, nome: "Litoral Negócios Imobiliários" },
];

type Situacao = "Vendida" | "Distrato" | "Cancelada" | "Reserva";

type Reserva = {
  readonly id: number;
  readonly empreendimento: Empreendimento;
  readonly andar: number;
  readonly corretor: Corretor;
  readonly cliente: string;
  readonly documento: string;
  readonly situacao: Situacao;
  readonly valor: number;
  /** Days before hoje; undefined: never sold. */
  readonly vendidaHa?: number;
  /** Days before hoje. */
  readonly criadaHa: number;
  readonly alteradaHa: number;
  readonly comissao?: number;
  readonly financiamento: number;
  readonly fgts: number;
};

const reservas: readonly Reserva[] = [
  {
    id: 101,
    empreendimento: solNascente,
    andar: 3,
    corretor: joao,
    cliente: "Marina Alves Prado",
    documento: "11111111111",
    situacao: "Vendida",
    valor: 450_000,
    vendidaHa: 150,
    criadaHa: 171,
    alteradaHa: 149,
    comissao: 22_500,
    financiamento: 315_000,
    fgts: 22_500,
  },
  {
    id: 102,
    empreendimento: solNascente,
    andar: 5,
    corretor: joao,
    cliente: "Otávio Nunes Lacerda",
    documento: "22222222222",
    situacao: "Vendida",
    valor: 465_000,
    vendidaHa: 135,
    criadaHa: 148,
    alteradaHa: 133,
    comissao: 23_250,
    financiamento: 325_500,
    fgts: 0,
  },
  {
    id: 103,
    empreendimento: vistaMar,
    andar: 8,
    corretor: ana,
    cliente: "Beatriz Conceição Rocha",
    documento: "33333333333",
    situacao: "Vendida",
    valor: 780_000,
    vendidaHa: 120,
    criadaHa: 139,
    alteradaHa: 118,
    comissao: 39_000,
    financiamento: 468_000,
    fgts: 0,
  },
  {
    id: 104,
    empreendimento: vistaMar,
    andar: 11,
    corretor: carlos,
    cliente: "Heitor Magalhães",
    documento: "44444444444",
    situacao: "Vendida",
    valor: 810_000,
    vendidaHa: 90,
    criadaHa: 102,
    alteradaHa: 89,
    comissao: 40_500,
    financiamento: 567_000,
    fgts: 0,
  },
  {
    id: 105,
    empreendimento: parkResidence,
    andar: 2,
    corretor: fernanda,
    cliente: "Lívia Sampaio Duarte",
    documento: "55555555555",
    situacao: "Vendida",
    valor: 920_000,
    vendidaHa: 60,
    criadaHa: 84,
    alteradaHa: 58,
    comissao: 46_000,
    financiamento: 552_000,
    fgts: 0,
  },
  {
    id: 106,
    empreendimento: vistaMar,
    andar: 6,
    corretor: ana,
    cliente: "Raul Teixeira Pinto",
    documento: "66666666666",
    situacao: "Distrato",
    valor: 795_000,
    vendidaHa: 200,
    criadaHa: 215,
    alteradaHa: 75,
    financiamento: 477_000,
    fgts: 0,
  },
  {
    id: 107,
    empreendimento: solNascente,
    andar: 7,
    corretor: joao,
    cliente: "Sônia Batista Reis",
    documento: "77777777777",
    situacao: "Cancelada",
    valor: 455_000,
    criadaHa: 64,
    alteradaHa: 50,
    financiamento: 318_500,
    fgts: 0,
  },
  {
    id: 108,
    empreendimento: parkResidence,
    andar: 4,
    corretor: fernanda,
    cliente: "Tomás Figueira",
    documento: "88888888888",
    situacao: "Reserva",
    valor: 935_000,
    criadaHa: 6,
    alteradaHa: 3,
    financiamento: 561_000,
    fgts: 0,
  },
];

const idsituacao: { readonly [situacao in Situacao]: number } = {
  Reserva: 1,
  Vendida: 3,
  Cancelada: 4,
  Distrato: 5,
};

export type ExemploOptions = Omit<AccountOptions, "conta" | "objects"> & {
  readonly conta?: string;
  /** The day the sales are counted back from: `YYYY-MM-DD` or an instant. Default: today in Brasília. */
  readonly hoje?: string | Date;
};

/** The account `exemplo`: five sales, 150, 135, 120, 90 and 60 days before `hoje`. */
export function exemplo(options: ExemploOptions = {}): Account {
  const { conta = "exemplo", hoje, ...rest } = options;
  const day = dayNumber(hoje ?? options.now?.() ?? new Date());
  return createAccount({ conta, ...rest, objects: exemploRecords(day) });
}

/** The records of `exemplo`, object by object. */
function exemploRecords(hoje: number): { readonly [object: string]: readonly CvdwRecord[] } {
  const ago = (days: number, time = "10:00:00") => `${dayText(hoje - days)} ${time}`;
  const sold = reservas.filter((reserva) => reserva.situacao === "Vendida");
  return {
    reservas: reservas.map((reserva) => reservaRecord(reserva, ago)),
    reservas_condicoes: reservas
      // The last sale has no payment rows: its pró-soluto comes from the difference.
      .filter((reserva) => reserva.id !== 105)
      .flatMap((reserva) => condicoes(reserva, ago)),
    comissoes: comissoes(ago),
    unidades: unidades(hoje),
    vendas: sold.map((reserva) => venda(reserva, ago)),
    repasses: [repasse(ago)],
    distratos: [distrato(ago)],
    atendimentos: [atendimento(ago)],
    corretores: corretores.map((corretor) =>
      recordOf("corretores", {
        referencia: `${corretor.id}`,
        referencia_data: "0000-00-00 00:00:00",
        ativo: "S",
        idcorretor: corretor.id,
        idimobiliaria: corretor.imobiliaria,
        documento: `${corretor.id}`.repeat(5).padStart(11, "0"),
        nome: corretor.nome,
        apelido: corretor.nome.split(" ")[0] ?? null,
        ativo_login: "S",
        data_cad: "0000-00-00 00:00:00",
        email: `corretor${corretor.id}@example.com`,
        imobiliaria: nomeImobiliaria(corretor.imobiliaria),
        participa_roleta_online: "Sim",
        vencimento_creci: "0000-00-00",
        data_ult_hist: ago(30),
      }),
    ),
    imobiliarias: imobiliarias.map(({ id, nome }) =>
      recordOf("imobiliarias", {
        referencia: `${id}`,
        referencia_data: ago(400 - id),
        ativo: "S",
        ativo_painel: "S",
        idimobiliaria: id,
        data_cad: ago(700 - id),
        nome,
        razao_social: `${nome} Ltda`,
        micro_empresa: "N",
        alterar_login_corretor: "S",
        escala_plantao: "N",
        bloqueado_recebimento_pagamento_comissao: "N",
        autocadastro_corretor: "N",
        data_modificacao: ago(400 - id),
      }),
    ),
  };
}

type Ago = (days: number, time?: string) => string;

function reservaRecord(reserva: Reserva, ago: Ago): CvdwRecord {
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
function condicoes(reserva: Reserva, ago: Ago): CvdwRecord[] {
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

function comissoes(ago: Ago): CvdwRecord[] {
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

/** Two floors' worth of units in each development: those of the reservations, and others on offer. */
function unidades(hoje: number): CvdwRecord[] {
  return empreendimentos.flatMap((empreendimento) =>
    [2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((andar) => {
      const mine = reservas.filter((r) => r.empreendimento === empreendimento && r.andar === andar);
      const sold = mine.find((r) => r.situacao === "Vendida");
      const live = mine.find((r) => r.situacao === "Reserva");
      const blocked = andar === 10 && sold === undefined;
      const changed = sold?.alteradaHa ?? live?.alteradaHa ?? 300 + andar;
      return recordOf("unidades", {
        referencia: idUnidade(empreendimento, andar),
        referencia_data: `${dayText(hoje - changed)} 16:30:00`,
        idempreendimento: empreendimento.id,
        nome_empreendimento: empreendimento.nome,
        idtipo_empreendimento: 1,
        tipo_empreendimento: "Vertical",
        idetapa: empreendimento.id * 10,
        etapa: "Única",
        idbloco: empreendimento.id * 100,
        bloco: "A",
        nome: nomeUnidade(andar),
        area_privativa: empreendimento.area,
        idunidade: idUnidade(empreendimento, andar),
        vagas_garagem: empreendimento.id === 11 ? "1" : "2",
        andar: `${andar}`,
        tipologia: empreendimento.tipologia,
        tipo: "Apartamento",
        valor: empreendimento.tabela.toFixed(2),
        data_entrega: brazilianDayText(hoje + 540),
        plantas: [],
        campos_adicionais: [],
        situacao_vendida: sold?.id ?? 0,
        situacao_reservada: live?.id ?? 0,
        situacao_reservada_nomesituacao: live?.situacao ?? null,
        situacao_para_venda: sold === undefined && !blocked ? 1 : 0,
        situacao_mapa_disponibilidade: sold ? 3 : live ? 5 : blocked ? 4 : 1,
        situacao_bloqueada: blocked ? "S" : "N",
      });
    }),
  );
}

function venda(reserva: Reserva, ago: Ago): CvdwRecord {
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

function repasse(ago: Ago): CvdwRecord {
  return recordOf("repasses", {
    referencia: "401",
    referencia_data: ago(100),
    ativo: "S",
    idrepasse: 401,
    idsituacao: 2,
    situacao: "Contrato Registrado",
    reserva: 101,
    idempreendimento: solNascente.id,
    empreendimento: solNascente.nome,
    etapa: "Única",
    bloco: "A",
    unidade: nomeUnidade(3),
    idunidade: idUnidade(solNascente, 3),
    idcliente: 601,
    cliente: "Marina Alves Prado",
    documento_cliente: "11111111111",
    valor_previsto: 315_000,
    valor_financiado: 315_000,
    valor_fgts: 22_500,
    valor_subsidio: 0,
    saldo_devedor: 0,
    banco: "Caixa Econômica Federal",
    data_assinatura_de_contrato: ago(125).slice(0, 10),
    data_registro: ago(110).slice(0, 10),
    data_recurso_liberado: ago(100).slice(0, 10),
    data_cadastro: ago(149),
    data_modificacao: ago(100),
    campos_adicionais: [],
  });
}

function distrato(ago: Ago): CvdwRecord {
  return recordOf("distratos", {
    referencia: "106",
    referencia_data: ago(75, "16:30:00"),
    ativo: "S",
    idreserva: 106,
    aprovada: "Sim",
    data_cad: ago(82),
    situacao_data: ago(75, "16:30:00"),
    situacao_atual: "Finalizado",
    idsituacao: 2,
    etapa: "Única",
    idempreendimento: vistaMar.id,
    empreendimento: vistaMar.nome,
    bloco: "A",
    idunidade: idUnidade(vistaMar, 6),
    unidade: nomeUnidade(6),
    idcliente: 606,
    documento: "66666666666",
    cliente: "Raul Teixeira Pinto",
    idcorretor: ana.id,
    corretor: ana.nome,
    idimobiliaria: ana.imobiliaria,
    imobiliaria: nomeImobiliaria(ana.imobiliaria),
    motivo_distrato: "Desistência do cliente",
    descricao_motivo_distrato: "Mudança de cidade",
    valor_contrato: 795_000,
    data_sincronizacao: ago(74),
  });
}

function atendimento(ago: Ago): CvdwRecord {
  return recordOf("atendimentos", {
    referencia: "701",
    referencia_data: ago(20),
    ativo: "S",
    idatendimento: 701,
    protocolo: "20260701",
    data_cad: ago(22),
    data_situacao: ago(20),
    prioridade: "Normal",
    tempo_resposta: 95,
    nome_cliente: "Marina Alves Prado",
    email_cliente: "cliente101@example.com",
    ativo_painel: "S",
    avaliacao: 5,
    canal: "Telefone",
    idempreendimento: solNascente.id,
    empreendimento: solNascente.nome,
    etapa: "Única",
    bloco: "A",
    unidade: nomeUnidade(3),
    idunidade: `${idUnidade(solNascente, 3)}`,
    idcliente: 601,
    documento_cliente: "11111111111",
    cliente: "Marina Alves Prado",
    situacao: "Finalizado",
    idsituacao: 3,
    idprotocolo: 701,
    assunto: "Segunda via de boleto",
    subassunto: "Parcelas mensais",
    tipo: "Solicitação",
    corretor: joao.nome,
    idcorretor: joao.id,
    responsavel: "Central de Relacionamento",
    quantidade_mensagens: 4,
    quantidade_interacoes: 2,
    origem: "Painel",
    data_modificacao: ago(20),
  });
}

function dateOrNull(days: number | undefined, ago: Ago): string | null {
  return days === undefined ? null : ago(days, "14:00:00");
}

function idUnidade(empreendimento: Empreendimento, andar: number): number {
  return empreendimento.id * 100 + andar;
}

function nomeUnidade(andar: number): string {
  return `${andar}01`;
}

function nomeImobiliaria(id: number): Json {
  return imobiliarias.find((imobiliaria) => imobiliaria.id === id)?.nome ?? null;
}
