import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Account, objectNames } from "../../emulator/account.ts";
import { objectSpecs } from "../../emulator/fields.ts";
import { generateAccount } from "../../emulator/generate-account.ts";

const hoje = "2026-03-10";
const everything = (account: Account, object: string) =>
  account.page(object, {}, 0, account.count(object)).rows;

const seeds = [1, 2, 3, 4];
const accounts = seeds.map((seed) => generateAccount({ conta: "a", seed, reservas: 2_000, hoje }));

type Row = { readonly [field: string]: unknown };

const held = new Map<string, readonly Row[]>();

/** All records of an object; read once. */
function rows(account: Account, object: string): readonly Row[] {
  const name = `${accounts.indexOf(account)} ${object}`;
  const known = held.get(name) ?? [...account.records(object)];
  held.set(name, known);
  return known;
}

describe("a seed", () => {
  test("gives the same bytes each time, another seed gives others", () => {
    const make = (seed: number) => generateAccount({ conta: "a", seed, reservas: 40, hoje });
    const [first, again, other] = [make(7), make(7), make(8)];
    for (const object of objectNames) {
      expect(everything(again, object)).toEqual(everything(first, object));
    }
    expect(everything(other, "reservas")).not.toEqual(everything(first, "reservas"));
  });

  test("random access equals reading from the start, in every object", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...objectNames),
        fc.integer({ min: 1, max: 260 }),
        fc.integer(),
        fc.nat(),
        fc.integer({ min: 1, max: 20 }),
        (object, reservas, seed, anywhere, size) => {
          const options = { conta: "a", seed, reservas, hoje };
          const sequential = everything(generateAccount(options), object);
          const start = anywhere % (sequential.length + 1);
          const page = generateAccount(options).page(object, {}, start, start + size);
          expect(page.rows).toEqual(sequential.slice(start, start + size));
          expect(page.total).toBe(sequential.length);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("the last page of a million reservations is there at once", () => {
    const account = generateAccount({ conta: "a", seed: 1, reservas: 1_000_000, hoje });
    const page = account.page("reservas", {}, 999_999, 1_000_500);
    expect(page.total).toBe(1_000_000);
    expect(page.rows).toHaveLength(1);
    expect(account.count("reservas_condicoes")).toBe(6_000_000);
  });
});

describe("records", () => {
  test.each(objectNames)(
    "%s: exactly the catalogue's fields, unique keys, rising dates",
    (object) => {
      const account = generateAccount({ conta: "a", seed: 3, reservas: 300, hoje });
      const spec = objectSpecs.get(object === "corretores_profissional" ? "corretores" : object);
      const fields = Object.keys(spec?.fields ?? {}).sort();
      const repeats = ["leads_corretores", "leads_momentos", "pesquisas", "pessoas_bens_empresa"];
      const seen = new Set<string>();
      const wrong: [string, Row][] = [];
      let last = "";
      for (const record of account.records(object)) {
        if (Object.keys(record).sort().join() !== fields.join()) wrong.push(["fields", record]);
        if (/NaN|undefined|Invalid/.test(JSON.stringify(record))) wrong.push(["values", record]);
        const key = (spec?.key ?? []).map((field) => record[field]).join("|");
        const blank = record.referencia === "";
        if (!repeats.includes(object) && !blank && seen.has(key)) wrong.push(["key", record]);
        seen.add(key);
        const shown = record.referencia_data;
        const order = typeof shown === "string" && !shown.startsWith("0000") ? shown : "";
        if (order < last) wrong.push(["order", record]);
        last = order;
      }
      expect(wrong).toEqual([]);
      expect(seen.size).toBeGreaterThan(0);
    },
  );

  test("dates do not pass hoje, but for sales dated ahead", () => {
    for (const account of accounts) {
      const sales = rows(account, "vendas");
      for (const sale of sales) expect(String(sale.referencia_data) < hoje).toBe(true);
    }
    const ahead = accounts.flatMap((account) =>
      rows(account, "reservas").filter(({ data_venda }) => String(data_venda) > `${hoje} 24`),
    );
    expect(ahead.length).toBeGreaterThan(0);
  });

  test("sales are spread over four years", () => {
    for (const account of accounts) {
      const months = new Set(
        rows(account, "vendas").map((r) => String(r.referencia_data).slice(0, 7)),
      );
      expect(months.size).toBe(49);
    }
  });
});

describe("objects agree", () => {
  test.each([
    ["reservas_condicoes", "idreserva", "reservas", "idreserva"],
    ["comissoes", "idreserva", "reservas", "idreserva"],
    ["vendas", "idreserva", "reservas", "idreserva"],
    ["distratos", "idreserva", "reservas", "idreserva"],
    ["reservas", "idunidade", "unidades", "idunidade"],
    ["reservas", "idcorretor", "corretores", "idcorretor"],
    ["reservas", "idimobiliaria", "imobiliarias", "idimobiliaria"],
    ["corretores", "idimobiliaria", "imobiliarias", "idimobiliaria"],
  ])("%s.%s exists in %s", (object, field, target, key) => {
    for (const account of accounts) {
      const known = new Set(rows(account, target).map((record) => record[key]));
      const named = rows(account, object).map((record) => record[field]);
      expect(named.filter((id) => id !== null && id !== 0 && !known.has(id))).toEqual([]);
    }
  });

  test("a repasse names its reservation in one of its two fields", () => {
    const fields = new Set<string>();
    for (const account of accounts) {
      const known = new Set(rows(account, "reservas").map(({ idreserva }) => idreserva));
      for (const { reserva, idreserva } of rows(account, "repasses")) {
        fields.add(reserva === null ? "idreserva" : "reserva");
        expect(known.has(reserva ?? idreserva)).toBe(true);
      }
    }
    expect([...fields].sort()).toEqual(["idreserva", "reserva"]);
  });

  test("a unit is sold exactly when one sale names it", () => {
    for (const account of accounts) {
      const sold = new Map<unknown, unknown>();
      for (const { idreserva, idunidade } of rows(account, "vendas")) {
        if (idunidade === 0) continue;
        expect(sold.has(idunidade)).toBe(false);
        sold.set(idunidade, idreserva);
      }
      for (const unit of rows(account, "unidades")) {
        expect(unit.situacao_vendida).toBe(sold.get(unit.idunidade) ?? 0);
        if (unit.situacao_vendida !== 0) expect(unit.situacao_mapa_disponibilidade).toBe(3);
      }
    }
  });

  test("active payment rows inside the price add up to the contract, in one of two readings", () => {
    const readings = new Set<string>();
    const outside = /Valor de|Desconto|CUSTAS|Repactuação|Permuta|Série X/;
    for (const account of accounts) {
      const sums = new Map<unknown, { row: number; instalment: number }>();
      for (const row of rows(account, "reservas_condicoes")) {
        if (row.ativo !== "S" || outside.test(String(row.serie))) continue;
        const sum = sums.get(row.idreserva) ?? { row: 0, instalment: 0 };
        sum.row += Number(row.valor);
        sum.instalment += Number(row.valor) * Number(row.parcela_quantidade ?? 1);
        sums.set(row.idreserva, sum);
      }
      const off = { row: 0, instalment: 0 };
      for (const { idreserva, valor_contrato } of rows(account, "vendas")) {
        const sum = sums.get(idreserva);
        if (sum === undefined || valor_contrato === 0) continue;
        off.row += Math.abs(sum.row - Number(valor_contrato)) / Number(valor_contrato);
        off.instalment +=
          Math.abs(sum.instalment - Number(valor_contrato)) / Number(valor_contrato);
      }
      readings.add(off.row < off.instalment ? "total" : "parcela");
      expect(Math.min(off.row, off.instalment)).toBeLessThan(0.01);
      expect(Math.max(off.row, off.instalment)).toBeGreaterThan(100);
    }
    expect([...readings].sort()).toEqual(["parcela", "total"]);
  });
});

test("the source's oddities are all there", () => {
  const all = (object: string) => accounts.flatMap((account) => rows(account, object));
  const reservas = all("reservas");
  const has = (found: boolean, what: string) => expect([what, found]).toEqual([what, true]);
  const some = (field: string, value: unknown) => reservas.some((r) => r[field] === value);

  has(some("data_venda", "0000-00-00 00:00:00"), "zero date and time");
  has(some("data_aprovacao", "0000-00-00"), "zero date");
  has(some("referencia_data", null) && some("referencia_data", ""), "null and blank date");
  has(some("ativo", "N"), "inactive row");
  has(some("aprovada", "Sim") && some("aprovada", "Não"), "Sim and Não");
  has(some("idcorretor", null) && some("idunidade", null), "no broker, no unit");
  has(
    reservas.some(
      (r) =>
        r.valor_contrato === 0 &&
        Number(r.valor_financiamento) + Number(r.valor_fgts) + Number(r.valor_subsidio) > 0,
    ),
    "forgotten contract value",
  );
  const text = JSON.stringify(reservas);
  for (const part of [
    "&ccedil;",
    "&amp;",
    "  ",
    "🚀",
    "🏡",
    "\\n",
    '\\"',
    "Ação".slice(0, 1),
    "ã",
  ]) {
    has(text.includes(part), part);
  }
  has(
    reservas.some((r) => typeof r.valor_financiamento === "string") &&
      reservas.some((r) => typeof r.valor_financiamento === "number"),
    "numbers as texts, by account",
  );
  has(
    reservas.some((r) => /^\d+,\d+$/.test(String(r.idlead))),
    "list of leads",
  );
  has(
    all("unidades").some((u) => /^\d\d\/\d\d\/\d{4}$/.test(String(u.data_entrega))),
    "Brazilian date",
  );
  has(
    all("campos_adicionais").some((c) => /^\d[\d.]*,\d\d$/.test(String(c.valor))),
    "Brazilian number",
  );
  has(
    all("corretores").every((c) => c.data_cad === "0000-00-00 00:00:00"),
    "brokers without dates",
  );
  has(
    all("reservas_condicoes").some((c) => c.ativo === "N") &&
      all("reservas_condicoes").some((c) => c.parcela_quantidade === null) &&
      all("reservas_condicoes").some((c) => c.serie === "Valor de Venda"),
    "payment rows: inactive, no quantity, outside the price",
  );
  for (const account of accounts) {
    const brokers = rows(account, "corretores");
    has(new Set(brokers.map(({ nome }) => nome)).size < brokers.length, "brokers of one name");
    const teams = new Set(rows(account, "reservas").map(({ nome_time }) => nome_time));
    has(teams.has(null) || teams.has(""), "no team");
  }
  const stamps = accounts.map((a) => a.page("reservas", { from: "2026-01-30 00:00:00" }, 0, 1));
  has(
    stamps.some(({ rows: [first = ""] }) => JSON.parse(first).referencia_data < "2026"),
    "changed later than shown",
  );
});
