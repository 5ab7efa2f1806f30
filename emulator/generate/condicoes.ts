import type { BaseRows } from "../base-rows.ts";
import type { CvdwRecord, Json } from "../record.ts";
import { dayText, momentText } from "../wall-clock.ts";
import { computedRows, reais } from "./computed-rows.ts";
import { firstId, type Market, randomFor } from "./market.ts";
import type { Story } from "./story.ts";
import { createPattern, patternCount, shareAt, type World } from "./world.ts";

/** None on one reservation in ten: its pró-soluto is only known from the difference. */
const pattern = createPattern([7, 6, 8, 0, 6, 7, 5, 9, 6, 6]);

type Condicao = {
  readonly serie: string;
  /** null counts as one instalment. */
  readonly quantidade: number | null;
  /** Cents of the whole row. */
  readonly total: number;
  readonly ativo: "S" | "N";
};

/** The payment rows of the reservations, about six each. The active priced rows add up to the price. */
export function condicoesRows({ market, stories }: World): BaseRows {
  const first = firstId("reservas_condicoes");
  let held: { readonly position: number; readonly rows: readonly Condicao[] } | undefined;
  const rowsOf = (story: Story, count: number): readonly Condicao[] => {
    if (held?.position !== story.position) {
      held = { position: story.position, rows: plan(market, story, count) };
    }
    return held.rows;
  };
  return computedRows({
    count: patternCount(pattern, stories.count),
    record: (position) => {
      const share = shareAt(pattern, position);
      const story = stories.story(share.story);
      const row = rowsOf(story, share.of)[share.nth];
      if (row === undefined) throw new RangeError(`no payment row ${position}`);
      return condicaoRecord(market, story, row, { id: first + position, nth: share.nth });
    },
    changedAt: (position) => stories.changedAt(shareAt(pattern, position).story),
    hoje: market.calendar.hoje,
    find: (key) => Number(key) - first,
  });
}

/** Splits the price into exactly so many rows, five at least. */
function plan(market: Market, story: Story, count: number): readonly Condicao[] {
  const words = market.vocabulary;
  const random = randomFor(market.seed, "reservas_condicoes", story.position);
  const rows: Condicao[] = [];
  const add = (serie: string, quantidade: number | null, total: number) =>
    rows.push({ serie, quantidade, total, ativo: "S" });

  add(words.entrada, random.chance(0.3) ? null : 1, story.entrada);
  if (story.financiamento > 0) add(words.financiamento, 1, story.financiamento);
  if (story.fgts > 0) add(words.fgts, 1, story.fgts);
  if (story.subsidio > 0) add(words.subsidio, random.chance(0.5) ? null : 1, story.subsidio);
  const instalments =
    story.preco - story.entrada - story.financiamento - story.fgts - story.subsidio;
  const months = random.pick([24, 30, 36, 48, 60]);
  const spare = count - rows.length - 1;
  const yearly = spare >= 1 ? Math.round(instalments * 0.2) : 0;
  const keys = spare >= 2 ? Math.round(instalments * 0.15) : 0;
  add(
    random.chance(0.1) ? `${words.mensais} 2` : words.mensais,
    months,
    instalments - yearly - keys,
  );
  if (yearly > 0) add(words.anuais, Math.floor(months / 12), yearly);
  if (keys > 0) add(words.chaves, 1, keys);

  // What is left are rows that no sum may count: outside the price, inactive, or unheard of.
  while (rows.length < count) {
    const kind = random.unit();
    if (kind < 0.5) add(random.pick(words.foraDoPreco), 1, Math.round(story.preco * random.unit()));
    else if (kind < 0.95) {
      rows.push({
        serie: words.mensais,
        quantidade: months,
        total: Math.round(instalments / 2),
        ativo: "N",
      });
    } else add(words.estranha, 1, 10_000 + random.int(900_000));
  }
  return rows.slice(0, count);
}

function condicaoRecord(
  market: Market,
  story: Story,
  row: Condicao,
  { id, nth }: { readonly id: number; readonly nth: number },
): CvdwRecord {
  const instalments = row.quantidade ?? 1;
  const perRow = market.vocabulary.leitura === "parcela" ? row.total / instalments : row.total;
  const valor = reais(Math.round(perRow));
  const changed = momentText(story.alterada);
  const created = momentText(story.criada + 600);
  const bank = row.serie === market.vocabulary.financiamento;
  const due = Math.floor(story.decidida / 86_400) + 30 * (nth + 1);
  const vencimento: Json = nth === 0 && story.position % 50 === 0 ? "0000-00-00" : dayText(due);
  return {
    referencia: `${id}`,
    referencia_data: changed,
    ativo: row.ativo,
    idreservascondicoes: id,
    idreserva: story.id,
    serie: row.serie,
    parcela_quantidade: row.quantidade,
    valor,
    valor_com_juros: reais(Math.round(perRow * (instalments > 1 ? 1.06 : 1))),
    valor_com_comissao_fora_do_contrato: valor,
    valor_sem_comissao: valor,
    vencimento,
    portador: bank ? "Caixa Econômica Federal" : "Carteira",
    indexador: instalments > 1 ? "INCC" : "Fixo",
    data_reservas_condicoes: created,
    data_modificacao: changed,
    idserie: 1 + nth,
  };
}
