import {
  type Ago,
  ana,
  corretores,
  empreendimentos,
  idUnidade,
  imobiliarias,
  joao,
  nomeImobiliaria,
  nomeUnidade,
  reservas,
  solNascente,
  vistaMar,
} from "./exemplo-story.ts";
import type { CvdwRecord } from "./record.ts";
import { recordOf } from "./record-of.ts";
import { brazilianDayText, dayText } from "./wall-clock.ts";

/** Two floors' worth of units in each development: those of the reservations, and others on offer. */
export function unidades(hoje: number): CvdwRecord[] {
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

/** The bank financing of the first sale. */
export function repasse(ago: Ago): CvdwRecord {
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

/** The sale that was undone. */
export function distrato(ago: Ago): CvdwRecord {
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

/** A service request of the first buyer. */
export function atendimento(ago: Ago): CvdwRecord {
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

/** The brokers. */
export function corretorRecords(ago: Ago): CvdwRecord[] {
  return corretores.map((corretor) =>
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
  );
}

/** The agencies. */
export function imobiliariaRecords(ago: Ago): CvdwRecord[] {
  return imobiliarias.map(({ id, nome }) =>
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
  );
}
