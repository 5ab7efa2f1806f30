import type { BaseRows } from "../base-rows.ts";
import { recordOf } from "../record-of.ts";
import { momentText } from "../wall-clock.ts";
import { computedRows } from "./computed-rows.ts";
import { agencyOf, firstId, randomFor } from "./market.ts";
import { remarks, subjects } from "./texts.ts";
import type { World } from "./world.ts";

const ZERO_DATE = "0000-00-00 00:00:00";

/** Brokers. The source shows zero dates on all of them, and 'S' for `ativo` whatever happens. */
export function corretoresRows({ market }: World): BaseRows {
  const { corretores, calendar, seed } = market;
  const first = firstId("corretores");
  const changedAt = (position: number) => calendar.at((position + 0.5) / corretores.length);
  return computedRows({
    count: corretores.length,
    undated: corretores.length,
    record: (position) => {
      const random = randomFor(seed, "corretores", position);
      const corretor = corretores[position];
      const agency = agencyOf(market, corretor);
      const document = 1_000_000_000 + random.int(9e9);
      return recordOf("corretores", {
        referencia: `${first + position}`,
        referencia_data: ZERO_DATE,
        ativo: "S",
        idcorretor: first + position,
        idimobiliaria: corretor?.imobiliaria ?? null,
        // A number loses the document's leading zeros.
        documento: random.chance(0.5) ? document : `${document}`.padStart(11, "0"),
        nome: corretor?.nome ?? "",
        apelido: corretor?.nome.split(" ")[0] ?? null,
        sexo: random.pick(["M", "F", null]),
        ativo_login: random.chance(0.2) ? "N" : "S",
        data_cad: ZERO_DATE,
        email: `corretor${first + position}@example.com`,
        celular: `(47) 9${random.between(1_000, 9_999)}-${random.between(1_000, 9_999)}`,
        imobiliaria: agency?.nome ?? "",
        participa_roleta_online: random.pick(["Sim", "Não"]),
        creci: random.chance(0.7) ? `${random.between(1_000, 60_000)}` : null,
        vencimento_creci: "0000-00-00",
        data_ult_hist: momentText(changedAt(position)),
      });
    },
    changedAt,
    hoje: calendar.hoje,
    find: (key) => Number(key) - first,
  });
}

/** Agencies. */
export function imobiliariasRows({ market }: World): BaseRows {
  const { imobiliarias, calendar, seed } = market;
  const first = firstId("imobiliarias");
  const changedAt = (position: number) => calendar.at((position + 0.5) / imobiliarias.length);
  return computedRows({
    count: imobiliarias.length,
    record: (position) => {
      const random = randomFor(seed, "imobiliarias", position);
      const nome = imobiliarias[position]?.nome ?? "";
      const changed = momentText(changedAt(position));
      return recordOf("imobiliarias", {
        referencia: `${first + position}`,
        referencia_data: changed,
        ativo: random.chance(0.1) ? "N" : "S",
        ativo_painel: "S",
        idimobiliaria: first + position,
        data_cad: momentText(calendar.at(0) - random.int(900) * 86_400),
        nome,
        razao_social: random.chance(0.3) ? null : `${nome} Ltda.`,
        cnpj: random.chance(0.3) ? null : `${10_000_000_000_000 + random.int(9e13)}`,
        bairro: random.chance(0.5) ? "Centro" : null,
        observacoes: random.chance(0.3) ? random.pick(remarks) : null,
        micro_empresa: random.pick(["S", "N"]),
        alterar_login_corretor: "S",
        escala_plantao: "N",
        bloqueado_recebimento_pagamento_comissao: "N",
        autocadastro_corretor: "N",
        data_modificacao: changed,
      });
    },
    changedAt,
    hoje: calendar.hoje,
    find: (key) => Number(key) - first,
  });
}

/** Service requests: three for every ten reservations. */
export function atendimentosRows({ market, stories }: World): BaseRows {
  const { calendar, seed } = market;
  const first = firstId("atendimentos");
  const count = Math.max(7, Math.round(stories.count * 0.3));
  const storyAt = (position: number) =>
    stories.story(Math.min(Math.floor((position / count) * stories.count), stories.count - 1));
  const changedAt = (position: number) => calendar.at((position + 0.5) / count);
  return computedRows({
    count,
    record: (position) => {
      const random = randomFor(seed, "atendimentos", position);
      const story = storyAt(position);
      const changed = momentText(changedAt(position));
      const known = random.chance(0.85);
      const unit = story.unidade?.id;
      const finished = random.chance(0.8);
      return recordOf("atendimentos", {
        referencia: `${first + position}`,
        referencia_data: changed,
        ativo: random.chance(0.05) ? "N" : "S",
        idatendimento: first + position,
        protocolo: `${20_000_000 + position}`,
        data_cad:
          position === 0 ? ZERO_DATE : momentText(changedAt(position) - random.int(500_000)),
        data_situacao: finished ? changed : null,
        prioridade: random.pick(["Baixa", "Normal", "Alta", null]),
        tempo_finalizado: finished ? random.between(10, 9_000) : null,
        tempo_resposta: random.chance(0.8) ? random.between(1, 900) : null,
        nome_cliente: known ? story.cliente : null,
        email_cliente: known ? `cliente${story.idcliente}@example.com` : null,
        ativo_painel: "S",
        avaliacao: random.chance(0.4) ? random.between(1, 5) : null,
        canal: random.pick(["Telefone", "WhatsApp", "Portal do cliente", null]),
        idempreendimento: story.empreendimento.id,
        empreendimento: story.empreendimento.nome,
        etapa: "Etapa única",
        bloco: story.unidade?.bloco ?? null,
        unidade: story.unidade?.nome ?? null,
        // A client of two units has a list here.
        idunidade:
          unit === undefined ? null : random.chance(0.05) ? `${unit},${unit + 1}` : `${unit}`,
        idcliente: known ? story.idcliente : null,
        documento_cliente: known ? story.documento : null,
        cliente: known ? story.cliente : null,
        situacao: finished ? "Finalizado" : "Em andamento",
        idsituacao: finished ? 3 : 1,
        idprotocolo: first + position,
        assunto: random.pick(subjects),
        subassunto: random.pick(subjects),
        tipo: random.pick(["Solicitação", "Reclamação", "Dúvida", null]),
        corretor: random.chance(0.5) ? (story.corretor?.nome ?? null) : null,
        responsavel: random.pick(["Central de Relacionamento", "Pós-venda", null]),
        quantidade_mensagens: random.int(12),
        quantidade_interacoes: random.int(8),
        times: random.pick(["Pós-venda", "Pós-venda,Assistência", null]),
        origem: "Painel",
        data_modificacao: changed,
      });
    },
    changedAt,
    hoje: calendar.hoje,
    find: (key) => Number(key) - first,
  });
}
