import { type Account, type AccountOptions, createAccount } from "./account.ts";
import {
  atendimento,
  corretorRecords,
  distrato,
  imobiliariaRecords,
  repasse,
  unidades,
} from "./exemplo-others.ts";
import { comissoes, condicoes, reservaRecord, vendaRecord } from "./exemplo-sales.ts";
import { reservas } from "./exemplo-story.ts";
import type { CvdwRecord } from "./record.ts";
import { dayNumber, dayText } from "./wall-clock.ts";

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
    vendas: sold.map((reserva) => vendaRecord(reserva, ago)),
    repasses: [repasse(ago)],
    distratos: [distrato(ago)],
    atendimentos: [atendimento(ago)],
    corretores: corretorRecords(ago),
    imobiliarias: imobiliariaRecords(ago),
  };
}
