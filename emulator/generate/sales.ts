import type { BaseRows } from "../base-rows.ts";
import type { CvdwRecord, Json } from "../record.ts";
import { recordOf } from "../record-of.ts";
import { dayText, momentText } from "../wall-clock.ts";
import { computedRows, reais } from "./computed-rows.ts";
import { agencyOf, firstId, randomFor } from "./market.ts";
import type { Ranking } from "./stories.ts";
import type { Story } from "./story.ts";
import { banks } from "./texts.ts";
import type { World } from "./world.ts";

/** `/vendas`: the sold reservations, ordered by their sale. */
export function vendasRows(world: World): BaseRows {
  const { market, stories } = world;
  const sales = stories.ranking("venda");
  return computedRows({
    count: sales.count,
    record: (nth) => vendaRecord(world, stories.story(sales.position(nth))),
    changedAt: (nth) => stories.story(sales.position(nth)).decidida,
    hoje: market.calendar.hoje,
    find: (key) => findStory(world, sales, key),
  });
}

/** `/distratos`: the sales undone. */
export function distratosRows(world: World): BaseRows {
  const { market, stories } = world;
  const undone = stories.ranking("distrato");
  return computedRows({
    count: undone.count,
    record: (nth) => distratoRecord(world, stories.story(undone.position(nth))),
    changedAt: (nth) => stories.changedAt(undone.position(nth)),
    hoje: market.calendar.hoje,
    find: (key) => findStory(world, undone, key),
  });
}

/** `/repasses`: the bank financing of up to three sales in each block of ten reservations. */
export function repassesRows(world: World): BaseRows {
  const { market, stories } = world;
  const sales = stories.ranking("venda", 3);
  const first = firstId("repasses");
  return computedRows({
    count: sales.count,
    record: (nth) => repasseRecord(world, stories.story(sales.position(nth)), first + nth),
    changedAt: (nth) => stories.changedAt(sales.position(nth)),
    hoje: market.calendar.hoje,
    find: (key) => Number(key) - first,
  });
}

/** Binary search: positions of a ranking rise. */
function findStory(world: World, ranking: Ranking, key: string): number | undefined {
  const wanted = Number(key) - firstId("reservas");
  if (!(wanted >= 0 && wanted < world.stories.count)) return undefined;
  let low = 0;
  let high = ranking.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranking.position(middle) < wanted) low = middle + 1;
    else high = middle;
  }
  return low < ranking.count && ranking.position(low) === wanted ? low : undefined;
}

function place(story: Story): CvdwRecord {
  const { empreendimento, unidade } = story;
  return {
    idempreendimento: empreendimento.id,
    empreendimento: empreendimento.nome,
    etapa: "Etapa única",
    bloco: unidade?.bloco ?? "",
    idunidade: unidade?.id ?? 0,
    unidade: unidade?.nome ?? "",
    regiao: empreendimento.regiao,
  };
}

function seller({ market }: World, story: Story): CvdwRecord {
  const { corretor } = story;
  const agency = agencyOf(market, corretor);
  return {
    idcorretor: corretor?.id ?? 0,
    corretor: corretor?.nome ?? "",
    idimobiliaria: agency?.id ?? 0,
    imobiliaria: agency?.nome ?? "",
  };
}

function vendaRecord(world: World, story: Story): CvdwRecord {
  const random = randomFor(world.market.seed, "vendas", story.position);
  const sold = momentText(story.decidida);
  const share = random.pick([50, 33.34, 100]);
  return recordOf("vendas", {
    referencia: `${story.id}`,
    referencia_data: sold,
    ativo: story.ativo,
    idreserva: story.id,
    data_reserva: momentText(story.criada),
    data_venda: story.dataVenda,
    idhistorico: story.id * 3,
    data_historico: sold,
    aprovada: random.chance(0.15) ? "Sim" : "Não",
    valor_contrato: reais(story.valorContrato),
    contrato_interno: random.chance(0.6) ? `${100_000 + story.id}` : null,
    idpessoa_cv: story.idcliente,
    idpessoa_int: `${story.idcliente}`,
    cliente: story.cliente,
    idcliente: story.idcliente,
    documento_cliente: story.documento,
    renda: reais(200_000 + random.int(2_500_000)),
    idade: random.between(19, 78),
    area_privativa: story.unidade?.area ?? 0,
    idmidia: 1,
    midia: story.midia,
    idtipovenda: story.financiamento > 0 ? 1 : 2,
    tipovenda: story.financiamento > 0 ? "Venda Financiamento" : "Venda Direta",
    idlead: random.pick([null, `${story.id}`, `${story.id},${story.id + 1}`]),
    associados: [
      {
        idpessoa_cv: story.idcliente,
        idtipo_associacao: 1,
        tipo_associacao: "Titular",
        percentagem_participacao: share,
      },
    ],
    ...place(story),
    ...seller(world, story),
  });
}

function distratoRecord(world: World, story: Story): CvdwRecord {
  const random = randomFor(world.market.seed, "distratos", story.position);
  return recordOf("distratos", {
    referencia: `${story.id}`,
    referencia_data: momentText(story.alterada),
    ativo: story.ativo,
    idreserva: story.id,
    aprovada: random.pick(["Sim", "Não"]),
    data_cad: momentText(story.decidida - 5 * 86_400),
    situacao_data: random.chance(0.1) ? null : momentText(story.decidida),
    situacao_atual: random.pick(["Finalizado", "Em análise"]),
    idsituacao: 2,
    venda: random.pick([null, `${story.id}`]),
    idcliente: story.idcliente,
    documento: story.documento,
    cliente: story.cliente,
    motivo_distrato: random.chance(0.1) ? "1024" : story.motivo,
    descricao_motivo_distrato: null,
    valor_contrato: reais(story.preco),
    data_sincronizacao: momentText(story.alterada),
    ...place(story),
    ...seller(world, story),
  });
}

function repasseRecord(world: World, story: Story, id: number): CvdwRecord {
  const random = randomFor(world.market.seed, "repasses", story.position);
  const sold = Math.floor(story.decidida / 86_400);
  // Each stage follows the last, and none lies in the future.
  const stage = (days: number): Json => {
    const day = sold + days;
    return day > world.market.calendar.hoje ? random.pick([null, "0000-00-00"]) : dayText(day);
  };
  const registered = sold + 60 <= world.market.calendar.hoje;
  const pointsTo = world.market.vocabulary.repasseAponta;
  return recordOf("repasses", {
    referencia: `${id}`,
    referencia_data: momentText(story.alterada),
    ativo: story.ativo,
    idrepasse: id,
    idsituacao: registered ? 2 : 1,
    situacao: registered ? "Contrato Registrado" : "Assinado Caixa",
    reserva: pointsTo === "reserva" ? story.id : null,
    idreserva: pointsTo === "idreserva" ? story.id : null,
    idcliente: story.idcliente,
    documento_cliente: story.documento,
    cliente: story.cliente,
    valor_previsto: reais(story.financiamento),
    valor_financiado: reais(story.financiamento),
    valor_subsidio: reais(story.subsidio),
    valor_fgts: reais(story.fgts),
    saldo_devedor: reais(registered ? 0 : story.financiamento),
    valor_divida: 0,
    valor_contrato: reais(story.valorContrato),
    banco: random.pick(banks),
    data_assinatura_de_contrato: stage(30),
    data_registro: stage(60),
    data_recurso_liberado: stage(75),
    data_venda: story.dataVenda,
    data_cadastro: momentText(story.decidida),
    data_modificacao: momentText(story.alterada),
    campos_adicionais: [],
    registro_pago: random.pick(["S", "N"]),
    ...place(story),
  });
}
