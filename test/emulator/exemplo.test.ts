import { expect, test } from "vitest";
import { exemplo } from "../../emulator/exemplo.ts";

const account = exemplo({ hoje: "2026-07-01" });

function rows(object: string): Record<string, unknown>[] {
  return [...account.records(object)].map((record) => ({ ...record }));
}

function sum(values: readonly unknown[]): number {
  return values.reduce((total: number, value) => total + Number(value), 0);
}

test("five sales, on their days before hoje, with brokers, teams and developments", () => {
  const sales = rows("reservas").filter(({ situacao }) => situacao === "Vendida");
  expect(
    sales.map((sale) => [
      String(sale.data_venda).slice(0, 10),
      sale.empreendimento,
      sale.corretor,
      sale.nome_time,
      sale.valor_contrato,
    ]),
  ).toEqual([
    ["2026-02-01", "Residencial Sol Nascente", "João Silva Santos", "Team Alpha", 450_000],
    ["2026-02-16", "Residencial Sol Nascente", "João Silva Santos", "Team Alpha", 465_000],
    ["2026-03-03", "Edifício Vista Mar Premium", "Ana Costa Ferreira", "Team Beta", 780_000],
    ["2026-04-02", "Edifício Vista Mar Premium", "Carlos Rodrigues", "Team Beta", 810_000],
    ["2026-05-02", "Condomínio Park Residence", "Fernanda Lima", "Team Gamma", 920_000],
  ]);
  expect(sum(sales.map((sale) => sale.valor_contrato))).toBe(3_425_000);
});

test("active commissions belong to the five sales and make 171,250", () => {
  const active = rows("comissoes").filter(({ ativo }) => ativo === "S");
  const perSale = new Map<unknown, number>();
  for (const { idreserva, valor_comissao } of active) {
    perSale.set(idreserva, (perSale.get(idreserva) ?? 0) + Number(valor_comissao));
  }
  expect(Object.fromEntries(perSale)).toEqual({
    101: 22_500,
    102: 23_250,
    103: 39_000,
    104: 40_500,
    105: 46_000,
  });
});

test("the payment rows inside the price add up to the contract", () => {
  for (const reserva of rows("reservas")) {
    const mine = rows("reservas_condicoes").filter((row) => row.idreserva === reserva.idreserva);
    const priced = mine.filter(({ serie }) => serie !== "Valor de Venda");
    if (reserva.idreserva === 105) expect(mine).toEqual([]);
    else expect(sum(priced.map(({ valor }) => valor))).toBe(reserva.valor_contrato);
  }
});

test("sold and reserved units point at their reservations, the others are on offer or blocked", () => {
  const held = rows("unidades").filter((unit) => unit.situacao_vendida || unit.situacao_reservada);
  const reservas = new Map(rows("reservas").map((reserva) => [reserva.idreserva, reserva]));
  expect(held).toHaveLength(6);
  for (const unit of held) {
    const reserva = reservas.get(unit.situacao_vendida || unit.situacao_reservada);
    expect(reserva?.idunidade).toBe(unit.idunidade);
  }
  const codes = rows("unidades").map((unit) => unit.situacao_mapa_disponibilidade);
  expect(new Set(codes)).toEqual(new Set([1, 3, 4, 5]));
});

test("every object that the marts need has a record, and the same day gives the same records", () => {
  const again = exemplo({ hoje: "2026-07-01" });
  for (const object of [
    "reservas",
    "reservas_condicoes",
    "comissoes",
    "unidades",
    "repasses",
    "distratos",
    "atendimentos",
    "corretores",
    "imobiliarias",
  ]) {
    expect(rows(object).length).toBeGreaterThan(0);
    expect([...again.records(object)]).toEqual([...account.records(object)]);
  }
});
