import type { Account } from "../../emulator/account.ts";
import type { Project } from "../../runner/models/project.ts";

/** Rows that a customer might keep, at odds with the shipped ones and with each other. */
export function withCustomerMappings(base: Project, accounts: readonly Account[]): Project {
  const brokers = accounts.flatMap((account) =>
    [...account.records("corretores")].slice(0, 3).map((record) => String(record.idcorretor)),
  );
  const rows: { readonly [relation: string]: readonly (readonly (string | null)[])[] } = {
    series: [
      ["a", "Parcelas mensais", "fora_do_preco"],
      ["*", "parcelas", "subsidio"],
      ["*", "Permuta", "entrada"],
      ["b", "mensais 2", "financiamento"],
      ["b", "mensais", "parcelas"],
    ],
    situacoes: [
      ["a", "em assinatura", "cancelada"],
      ["*", "Distrato Parcial", "distrato"],
      ["*", "em assinatura", "distrato"],
    ],
    times: [
      ["*", brokers[0] ?? null, "Time Geral"],
      ["a", brokers[0] ?? null, "Time de A"],
      ["b", brokers[4] ?? null, "Time de B"],
      ["a", brokers[1] ?? null, null],
    ],
    leitura_condicoes: [
      ["*", "total"],
      ["b", "parcela"],
    ],
  };
  return {
    ...base,
    seeds: base.seeds.map((seed) => ({
      ...seed,
      rows: [...seed.rows, ...(rows[seed.relation] ?? []).map((row) => [...row, "cliente"])],
    })),
  };
}
