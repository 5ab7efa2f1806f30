import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Account, createAccount } from "../../emulator/account.ts";
import { generateAccount } from "../../emulator/generate-account.ts";
import type { CvdwRecord } from "../../emulator/record.ts";

const five: readonly CvdwRecord[] = [1, 2, 3, 4, 5].map((id) => ({
  idreserva: id,
  referencia_data: `2026-01-0${id} 10:00:00`,
  data_modificacao: `2026-01-0${id} 10:00:00`,
  situacao: "Reserva",
}));

function idsOf(account: Account, start = 0, end = 100, from?: string): unknown[] {
  const range = from === undefined ? {} : { from };
  return account.page("reservas", range, start, end).rows.map((row) => JSON.parse(row).idreserva);
}

describe("scripted changes", () => {
  test("an edited record moves to the end with the time of its edit", () => {
    const account = createAccount({ conta: "a", objects: { reservas: five } });
    account.edit("reservas", 2, { situacao: "Vendida" }, { at: "2026-02-01 09:00:00" });
    expect(idsOf(account)).toEqual([1, 3, 4, 5, 2]);
    expect([...account.records("reservas")].at(-1)).toEqual({
      idreserva: 2,
      situacao: "Vendida",
      referencia_data: "2026-02-01 09:00:00",
      data_modificacao: "2026-02-01 09:00:00",
    });
    expect(idsOf(account, 0, 100, "2026-02-01")).toEqual([2]);
  });

  test("a record edited while pages are read makes the next page skip one", () => {
    const account = createAccount({ conta: "a", objects: { reservas: five } });
    const first = idsOf(account, 0, 2);
    account.edit("reservas", 1, {}, { at: "2026-02-01 09:00:00" });
    expect([...first, ...idsOf(account, 2, 4), ...idsOf(account, 4, 6)]).toEqual([1, 2, 4, 5, 1]);
  });

  test("an edit is dated by the account's clock, in Brasília", () => {
    const now = () => new Date("2026-02-01T12:00:00Z");
    const account = createAccount({ conta: "a", now, objects: { reservas: five } });
    account.edit("reservas", 2, {});
    expect([...account.records("reservas")].at(-1)?.referencia_data).toBe("2026-02-01 09:00:00");
  });

  test("where referencia_data is data_cad, an edit stays in its place and out of the filter", () => {
    const comissoes = [1, 2].map((id) => ({
      idcomissao: id,
      valor_comissao: 100,
      referencia_data: `2026-01-0${id} 10:00:00`,
    }));
    for (const editsComeBack of [false, true]) {
      const account = createAccount({ conta: "a", editsComeBack, objects: { comissoes } });
      account.edit("comissoes", 1, { valor_comissao: 70 }, { at: "2026-02-01 09:00:00" });
      expect([...account.records("comissoes")]).toEqual([
        { ...comissoes[0], valor_comissao: 70 },
        comissoes[1],
      ]);
      const seen = account.page("comissoes", { from: "2026-01-15 00:00:00" }, 0, 9).total;
      expect(seen).toBe(editsComeBack ? 1 : 0);
    }
  });

  test("a patch may name the referencia_data, as when the source sets a date back", () => {
    const account = createAccount({ conta: "a", objects: { reservas: five } });
    account.edit("reservas", 4, { referencia_data: null });
    expect(idsOf(account)).toEqual([4, 1, 2, 3, 5]);
  });

  test("an inserted record takes the place of its date, a removed one leaves no trace", () => {
    const account = createAccount({ conta: "a", objects: { reservas: five } });
    account.insert("reservas", { idreserva: 9, referencia_data: "2026-01-03 12:00:00" });
    account.remove("reservas", 5);
    account.remove("reservas", 1);
    expect(idsOf(account)).toEqual([2, 3, 9, 4]);
    expect(account.count("reservas")).toBe(4);
    expect(() => account.edit("reservas", 5, {})).toThrow("reservas has no record with key 5");
  });

  test("a new column appears in every record, old and edited", () => {
    const account = createAccount({ conta: "a", objects: { reservas: five } });
    account.addField("reservas", "dobro", ({ idreserva }) => Number(idreserva) * 2);
    account.edit("reservas", 1, {});
    expect([...account.records("reservas")].map(({ dobro }) => dobro)).toEqual([4, 6, 8, 10, 2]);
  });

  test("records of a composed key are found by all its parts", () => {
    const unidades_precos = [1, 2].map((idtabela) => ({ idunidade: 7, idtabela, valor: 1 }));
    const account = createAccount({ conta: "a", objects: { unidades_precos } });
    account.remove("unidades_precos", [7, 2]);
    expect([...account.records("unidades_precos")]).toEqual([unidades_precos[0]]);
  });

  test("a generated record of every object is found by its key", () => {
    const account = generateAccount({ conta: "a", seed: 1, reservas: 45, hoje: "2026-03-10" });
    for (const [object, key] of [
      ["reservas", ["idreserva"]],
      ["vendas", ["idreserva"]],
      ["distratos", ["idreserva"]],
      ["reservas_condicoes", ["idreservascondicoes"]],
      ["corretores", ["idcorretor"]],
      ["unidades_precos", ["idunidade", "idtabela"]],
      ["leads", ["idlead"]],
    ] as const) {
      const before = [...account.records(object)];
      const chosen = before[Math.floor(before.length / 2)];
      if (chosen === undefined) throw new Error(`no ${object}`);
      account.remove(
        object,
        key.map((field) => String(chosen[field])),
      );
      expect([...account.records(object)]).toEqual(before.filter((record) => record !== chosen));
    }
  });

  test("an object that the source does not have is refused", () => {
    expect(() => createAccount({ conta: "a", objects: { clientes: [] } })).toThrow(/"clientes"/);
  });
});

/** The plain way: an array that is sorted and filtered again each time. */
type ModelRow = { readonly id: number; readonly date: string; readonly stamp: string };

const date = fc
  .integer({ min: 1, max: 9 })
  .map((day) => (day === 1 ? "" : `2026-01-0${day} 10:00:00`));
const change = fc.oneof(
  fc.record({ kind: fc.constant("edit" as const), pick: fc.nat(), date }),
  fc.record({ kind: fc.constant("insert" as const), pick: fc.nat(), date }),
  fc.record({ kind: fc.constant("remove" as const), pick: fc.nat(), date }),
);

test("any page under any filter equals sorting and filtering all records", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ date, late: fc.boolean() }), { maxLength: 12 }),
      fc.array(change, { maxLength: 12 }),
      date,
      date,
      (given, changes, from, until) => {
        let model: ModelRow[] = given
          .map(({ date, late }, id) => ({
            id,
            date,
            stamp: late ? "2026-01-08 10:00:00" : date || "2000-01-01 00:00:00",
          }))
          .sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
        const account = createAccount({
          conta: "a",
          objects: {
            reservas: given.map(({ date, late }, id) => ({
              record: { idreserva: id, referencia_data: date },
              ...(late ? { stamp: "2026-01-08 10:00:00" } : {}),
            })),
          },
        });
        changes.forEach(({ kind, pick, date }, nth) => {
          const at = `2026-01-05 10:00:${10 + nth}`;
          const id = kind === "insert" ? 100 + nth : model[pick % model.length]?.id;
          if (id === undefined) return;
          model = model.filter((row) => row.id !== id);
          if (kind === "remove") account.remove("reservas", id);
          if (kind === "edit") account.edit("reservas", id, { referencia_data: date }, { at });
          if (kind === "insert") {
            account.insert("reservas", { idreserva: id, referencia_data: date }, { at });
          }
          if (kind === "remove") return;
          const after = model.findIndex((row) => row.date > date);
          model.splice(after === -1 ? model.length : after, 0, { id, date, stamp: at });
        });
        const range = { ...(from && { from }), ...(until && { until }) };
        const wanted = model.filter(
          ({ stamp }) => stamp >= from && (until === "" || stamp <= until),
        );
        for (let start = 0; start <= wanted.length; start += 3) {
          const { total, rows } = account.page("reservas", range, start, start + 3);
          expect(total).toBe(wanted.length);
          expect(rows.map((row) => JSON.parse(row).idreserva)).toEqual(
            wanted.slice(start, start + 3).map(({ id }) => id),
          );
        }
      },
    ),
    { numRuns: 500 },
  );
});
