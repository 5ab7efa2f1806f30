import { type Account, createAccount } from "../../emulator/account.ts";
import type { CvdwRecord } from "../../emulator/record.ts";
import { recordOf } from "../../emulator/record-of.ts";
import { addMonths, monthOf } from "./calendar.ts";

/**
 * An account with a sale on each side of every day where a view begins or ends, for each of some
 * todays. Every sale has a unit, a broker and a commission; `valor` says what the nth sale is worth.
 */
export function boundaryAccount(options: {
  readonly conta: string;
  readonly todays: readonly string[];
  readonly valor: (nth: number) => number | null;
}): Account {
  const { conta, todays, valor } = options;
  const days = [...new Set(todays.flatMap(boundaryDays))].sort();
  return createAccount({
    conta,
    token: conta,
    objects: {
      reservas: [
        ...days.map((day, nth) =>
          recordOf("reservas", {
            referencia_data: `${day} 12:00:00`,
            ativo: "S",
            idreserva: 1 + nth,
            data_cad: `${day} 09:00:00`,
            data_venda: `${day} 12:00:00`,
            situacao: "Vendida",
            idempreendimento: 1 + (nth % 5),
            empreendimento: `Empreendimento ${1 + (nth % 5)}`,
            idunidade: 1 + (nth % 40),
            idcorretor: 1 + (nth % 7),
            corretor: `Corretor ${1 + nth}`,
            time: nth % 3 === 0 ? null : `Time ${nth % 3}`,
            valor_contrato: valor(nth),
          }),
        ),
        ...rivals(),
      ],
      comissoes: days.map((day, nth) =>
        recordOf("comissoes", {
          referencia_data: `${day} 12:00:00`,
          ativo: nth % 4 === 0 ? "N" : "S",
          idcomissao: 1 + nth,
          idreserva: 1 + nth,
          valor_comissao: nth % 8 === 1 ? 0 : 1_000 + nth / 100,
          data_cad: `${day} 12:00:00`,
        }),
      ),
      unidades: Array.from({ length: 44 }, (_, nth) =>
        recordOf("unidades", {
          referencia_data: `2020-01-${10 + ((nth * 7) % 19)} 00:00:00`,
          idunidade: 1 + nth,
          idempreendimento: 1 + (nth % 6),
          nome_empreendimento: nth < 30 ? `Empreendimento ${1 + (nth % 6)}` : `Nome de ${nth}`,
          situacao_reservada: nth === 40 ? 9_002 : 0,
          situacao_mapa_disponibilidade: nth % 9 === 0 ? 4 : nth % 10 === 0 ? null : 3,
        }),
      ),
    },
  });
}

/** Reservations that claim one unit: alive ones of units 41 to 43, sales of one day of unit 44. */
function rivals(): readonly CvdwRecord[] {
  const rival = (id: number, unidade: number, created: string | null, sold: string | null) =>
    recordOf("reservas", {
      referencia_data: "2020-02-01 00:00:00",
      ativo: "S",
      idreserva: id,
      idunidade: unidade,
      data_cad: created,
      data_venda: sold,
      situacao: sold === null ? "Reserva" : "Vendida",
    });
  return [
    // The unit itself names the second.
    ...[9_001, 9_002, 9_003].map((id) => rival(id, 41, `2020-01-0${id - 9_000} 10:00:00`, null)),
    // The newest by date, then by number.
    rival(9_011, 42, "2020-01-05 10:00:00", null),
    rival(9_012, 42, "2020-01-02 10:00:00", null),
    rival(9_013, 42, null, null),
    rival(9_021, 43, "2020-01-05 10:00:00", null),
    rival(9_022, 43, "2020-01-05 10:00:00", null),
    rival(9_031, 44, "2020-01-05 10:00:00", "2020-01-09"),
    rival(9_032, 44, "2020-01-04 10:00:00", "2020-01-09"),
  ];
}

/** The first and last days that each view counts, and the days beside them. */
function boundaryDays(hoje: string): readonly string[] {
  const edges = [
    hoje,
    addMonths(hoje, -12),
    addMonths(hoje, -24),
    monthOf(hoje),
    addMonths(monthOf(hoje), -11),
    addMonths(monthOf(hoje), -23),
    `${hoje.slice(0, 4)}-01-01`,
    `${Number(hoje.slice(0, 4)) - 1}-01-01`,
  ];
  return edges.flatMap((day) => [shifted(day, -1), day, shifted(day, 1)]);
}

function shifted(day: string, days: number): string {
  const moved = new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000);
  return moved.toISOString().slice(0, 10);
}
