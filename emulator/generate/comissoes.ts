import type { BaseRows } from "../base-rows.ts";
import { dayText, momentText } from "../wall-clock.ts";
import { computedRows, reais } from "./computed-rows.ts";
import { agencyOf, firstId, randomFor } from "./market.ts";
import { createPattern, patternCount, shareAt, type World } from "./world.ts";

const pattern = createPattern([1, 2, 1, 0, 3, 1, 2, 1, 1, 0]);
const ZERO_DATE = "0000-00-00 00:00:00";

/** Up to three commissions per reservation; those of undone and cancelled ones are inactive. */
export function comissoesRows({ market, stories }: World): BaseRows {
  const first = firstId("comissoes");
  const count = patternCount(pattern, stories.count);
  const undated = count >= 200 ? 5 : 0;
  const rateOf = (position: number) =>
    randomFor(market.seed, "comissao", position).between(40, 60) / 1_000;
  return computedRows({
    count,
    undated,
    record: (position) => {
      const share = shareAt(pattern, position);
      const story = stories.story(share.story);
      const { unidade, corretor, outcome, empreendimento } = story;
      const random = randomFor(market.seed, "comissoes", position);
      const over = outcome === "distrato" || outcome === "cancelada";
      const total = Math.round(story.preco * rateOf(share.story));
      // Broker first, then agency and coordinator.
      const parts = [[1], [0.8, 0.2], [0.7, 0.2, 0.1]][share.of - 1] ?? [1];
      const valor = Math.round(total * (parts[share.nth] ?? 1));
      const paid = outcome === "venda" && story.decidida < (market.calendar.hoje - 45) * 86_400;
      const created = position < undated ? ZERO_DATE : momentText(story.alterada);
      const agency = agencyOf(market, corretor);
      return {
        referencia: `${first + position}`,
        referencia_data: created,
        ativo: over ? "N" : "S",
        idcomissao: first + position,
        situacao: over ? "Cancelada" : paid ? "Paga" : "A pagar",
        idsituacao: over ? 3 : paid ? 2 : 1,
        idreserva: story.id,
        corretor: corretor?.nome ?? "",
        imobiliaria: agency?.nome ?? "",
        empreendimento: empreendimento.nome,
        bloco: unidade?.bloco ?? "",
        etapa: "Etapa única",
        unidade: unidade?.nome ?? "",
        regiao: empreendimento.regiao,
        cliente: story.cliente,
        cep_cliente: null,
        valor_contrato: reais(story.valorContrato),
        porcentagem_comissao: Math.round((valor / story.preco) * 10_000) / 100,
        valor_comissao: reais(valor),
        valor_comissao_apagar: reais(paid ? 0 : valor),
        valor_pagamento: reais(paid ? valor : 0),
        nota_fiscal: paid
          ? random.pick([`${random.int(90_000)}`, `NF-${random.int(900)}`, ""])
          : null,
        data_pagamento: paid
          ? dayText(Math.floor(story.decidida / 86_400) + random.between(5, 45))
          : null,
        data_cad: created,
        numero: null,
      };
    },
    changedAt: (position) => stories.changedAt(shareAt(pattern, position).story),
    hoje: market.calendar.hoje,
    find: (key) => Number(key) - first,
  });
}
