import fc from "fast-check";
import { type Account, createAccount } from "../../emulator/account.ts";
import { recordOf } from "../../emulator/record-of.ts";

/** A sale that the reading of payment rows is judged by, or is not. */
export type ReadingSale = {
  readonly contrato: number | null;
  readonly ativo: "S" | "N";
  readonly condicoes: readonly {
    readonly serie: string;
    readonly valor: number;
    readonly quantidade: number | null;
    readonly ativo: "S" | "N";
  }[];
};

const mostlyActive = fc.constantFrom("S", "S", "S", "S", "S", "S", "S", "N");

const anySale: fc.Arbitrary<ReadingSale> = fc.record({
  contrato: fc.constantFrom(100, 300, 300, 400, 400, 500, 0, null),
  ativo: mostlyActive,
  condicoes: fc.array(
    fc.record({
      serie: fc.constantFrom(
        "Entrada",
        "Mensais",
        "Financiamento",
        "FGTS",
        "Subsídio",
        "Desconto",
        "Permuta",
      ),
      valor: fc.constantFrom(50, 100, 150),
      quantidade: fc.constantFrom(null, 0, 1, 2, 3),
      ativo: mostlyActive,
    }),
    { maxLength: 3, size: "max" },
  ),
});

/** Sales about as many as it takes to judge, whose sums come about as close under both readings. */
export const anyReadingSales: fc.Arbitrary<readonly ReadingSale[]> = fc.array(anySale, {
  minLength: 45,
  maxLength: 90,
  size: "max",
});

/** An account of nothing but these sales. */
export function readingAccount(conta: string, sales: readonly ReadingSale[]): Account {
  const day = "2026-02-10 10:00:00";
  return createAccount({
    conta,
    token: conta,
    objects: {
      reservas: sales.map(({ contrato, ativo }, nth) =>
        recordOf("reservas", {
          referencia_data: day,
          ativo,
          idreserva: 1 + nth,
          data_cad: day,
          data_venda: day,
          situacao: "Vendida",
          idcorretor: 1,
          corretor: "Corretor",
          valor_contrato: contrato,
        }),
      ),
      reservas_condicoes: sales.flatMap(({ condicoes }, sale) =>
        condicoes.map(({ serie, valor, quantidade, ativo }, nth) =>
          recordOf("reservas_condicoes", {
            referencia_data: day,
            ativo,
            idreservascondicoes: 1 + sale * 10 + nth,
            idreserva: 1 + sale,
            serie,
            valor,
            parcela_quantidade: quantidade,
          }),
        ),
      ),
    },
  });
}
