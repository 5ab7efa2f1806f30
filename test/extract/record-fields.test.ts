import { afterAll, describe, expect, test } from "vitest";
import type { CvdwRecord } from "../../emulator/record.ts";
import { type Emulator, startEmulator } from "../../emulator/server.ts";
import type { ExtractEvent } from "../../extract/events.ts";
import type { FieldDrift } from "../../extract/record-fields.ts";
import type { ScanOptions } from "../../extract/scan-options.ts";
import { createTestDatabase } from "../postgres.ts";
import { emulatedAccount, extractEmulated } from "./emulated-extraction.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());

let contas = 0;

/** An account whose every reading says what drifted; without options it is read whole. */
function newAccount() {
  const conta = `conta${++contas}`;
  async function read(
    records: readonly CvdwRecord[],
    options: Partial<ScanOptions> = { full: true },
    prepare: (emulator: Emulator) => void = () => undefined,
  ): Promise<readonly string[]> {
    const reservas = records.map((record, i) => ({
      idreserva: i + 1,
      referencia_data: "2026-02-01 10:00:00",
      ...record,
    }));
    const source = emulatedAccount(conta, { reservas });
    const emulator = await startEmulator({
      accounts: [source.account],
      rateLimit: null,
      now: source.now,
    });
    try {
      prepare(emulator);
      const { url } = emulator;
      const account = { ...source, url };
      const { events } = await extractEmulated(database.pool, account, ["reservas"], options);
      return events.flatMap(driftOf);
    } finally {
      await emulator.close();
    }
  }
  return { conta, read };
}

function driftOf(event: ExtractEvent): readonly string[] {
  return event.type === "drift-found" ? event.drift.map(summary) : [];
}

function summary({ field, change, typesBefore, typesNow, records, ofRecords }: FieldDrift): string {
  const types = [typesBefore, typesNow].map((list) => list.join("+") || "–").join(" → ");
  return `${field} ${change}: ${types} (${records} of ${ofRecords})`;
}

async function fieldsOf(conta: string): Promise<Record<string, unknown>> {
  const { rows } = await database.pool.query(
    `select campo, strings::int, numbers::int, booleans::int, nulls::int, arrays::int, objects::int
     from elt.fields where conta = $1 and objeto = 'reservas' and vanished_in is null
     order by campo`,
    [conta],
  );
  return Object.fromEntries(
    rows.map(({ campo, ...counts }) => [
      campo,
      Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)),
    ]),
  );
}

const plain = Array.from({ length: 3 }, () => ({ valor: 10, nome: "Maria" }));

describe("fields that a load records", () => {
  test("are those of every record, by type, and nothing is new in the first", async () => {
    const { conta, read } = newAccount();
    expect(
      await read([
        { valor: 1, nome: null },
        { valor: "2,5", lista: [] },
      ]),
    ).toEqual([]);
    expect(await fieldsOf(conta)).toEqual({
      idreserva: { numbers: 2 },
      lista: { arrays: 1 },
      nome: { nulls: 1 },
      referencia_data: { strings: 2 },
      valor: { numbers: 1, strings: 1 },
    });
    expect(
      await read([
        { valor: 1, nome: null },
        { valor: "2,5", lista: [] },
      ]),
    ).toEqual([]);
    expect(await fieldsOf(conta)).toMatchObject({ valor: { numbers: 2, strings: 2 } });
  });

  test("that arrive later are new, also in an incremental load", async () => {
    const { read } = newAccount();
    await read(plain);
    const wider = plain.map((record) => ({ ...record, score: 7 }));
    expect(await read(wider)).toEqual(["score new: – → number (3 of 3)"]);
    expect(await read(wider)).toEqual([]);
    const recent = { referencia_data: "2026-02-20 10:00:00", canal: "site" };
    expect(await read([...wider, recent], {})).toContain("canal new: – → string (1 of 4)");
  });

  test("vanish when a full reading does not bring them, and may return", async () => {
    const { conta, read } = newAccount();
    const wider = plain.map((record) => ({ ...record, time: "Alpha" }));
    await read(wider);
    expect(await read(plain)).toEqual(["time vanished: string → – (0 of 3)"]);
    expect(await fieldsOf(conta)).not.toHaveProperty("time");
    expect(await read(plain)).toEqual([]);
    expect(await read(wider)).toEqual(["time returned: string → string (3 of 3)"]);
    expect(await fieldsOf(conta)).toHaveProperty("time");
  });

  test("do not vanish because changed records lack them, or because there are none", async () => {
    const { read } = newAccount();
    await read(plain.map((record) => ({ ...record, time: "Alpha" })));
    const later = plain.map((record) => ({ ...record, referencia_data: "2026-02-20 10:00:00" }));
    expect(await read(later, {})).toEqual([]);
    expect(await read([], { full: true, allowMassRemoval: true })).toEqual([]);
  });

  test("are retyped by a type they never had, not by null or their first value", async () => {
    const { read } = newAccount();
    await read([
      { valor: 1, nota: null },
      { valor: 2, nota: null },
    ]);
    expect(
      await read([
        { valor: null, nota: "a" },
        { valor: 2, nota: "b" },
      ]),
    ).toEqual([]);
    const objectValue = [
      { valor: { centavos: 100 }, nota: "a" },
      { valor: "2", nota: "b" },
    ];
    expect(await read(objectValue)).toEqual(["valor retyped: number → string+object (2 of 2)"]);
    expect(await read(objectValue)).toEqual([]);
    expect(
      await read([
        { valor: 1, nota: 5 },
        { valor: 2, nota: "b" },
      ]),
    ).toEqual(["nota retyped: string → string+number (1 of 2)"]);
  });

  test("of one account tell nothing about another", async () => {
    const [one, other] = [newAccount(), newAccount()];
    await one.read(plain);
    await other.read(plain.map((record) => ({ ...record, so_aqui: 1 })));
    expect(await one.read(plain)).toEqual([]);
  });

  test("are not judged before the object has been read whole", async () => {
    const { read } = newAccount();
    const many = Array.from({ length: 40 }, (_, i) => (i < 20 ? { a: 1 } : { b: 1 }));
    const stop = { full: true, pageSize: 10, maxPages: 2 };
    expect(await read(many, stop)).toEqual([]);
    // The rest of the same scan brings `b`, or `a`, for the first time: no drift.
    expect(await read(many, { pageSize: 10 })).toEqual([]);
    expect(await read(many.map((record) => ({ ...record, c: 1 })))).toEqual([
      "c new: – → number (40 of 40)",
    ]);
  });

  test("are not judged by the loads before this program recorded fields", async () => {
    const { conta, read } = newAccount();
    await read(plain);
    await database.pool.query("delete from elt.fields where conta = $1", [conta]);
    expect(await read(plain.slice(0, 1), {})).toEqual([]);
    const wider = plain.map((record) => ({ ...record, a: 1 }));
    expect(await read(wider, {})).toEqual([]);
    expect(await read(wider)).toEqual([]);
    expect(await read(wider.map((record) => ({ ...record, b: 1 })))).toHaveLength(1);
  });

  test("that the first part of a resumed scan brought have not vanished", async () => {
    const { read } = newAccount();
    // Only page 3 has `a`; pages are read from the last to the first, the ends of the list again.
    const many = Array.from({ length: 40 }, (_, i) => (i >= 20 && i < 30 ? { a: 1 } : { b: 1 }));
    const whole = { full: true, pageSize: 10 };
    const stop = { ...whole, maxPages: 3 };
    const resume = { pageSize: 10 };
    await read(many, whole);
    expect(await read(many, stop)).toEqual([]);
    expect(await read(many, resume)).toEqual([]);
    const less = many.map((record) => ("a" in record ? {} : record));
    expect(await read(less, stop)).toEqual([]);
    expect(await read(less, resume)).toEqual([expect.stringMatching(/^a vanished: number → –/)]);
  });

  test("of a load that failed are recorded too", async () => {
    const { conta, read } = newAccount();
    const many = Array.from({ length: 30 }, () => ({ a: 1 }));
    await read(many, { pageSize: 10 }, (emulator) =>
      emulator.fault({ object: "reservas", page: 2, kind: "405", times: 9 }),
    );
    const { rows } = await database.pool.query("select verdict from elt.loads where conta = $1", [
      conta,
    ]);
    expect(rows).toEqual([{ verdict: "failed" }]);
    expect(await fieldsOf(conta)).toHaveProperty("a");
  });

  test("are names and types, never values", async () => {
    const { rows } = await database.pool.query(
      "select (select count(*) from elt.fields as f where f::text like '%Maria%')::int as fields, (select count(*) from elt.drift as d where d::text like '%Maria%')::int as drift",
    );
    expect(rows).toEqual([{ fields: 0, drift: 0 }]);
  });
});
