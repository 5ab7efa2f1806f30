import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { CvdwObject } from "../../extract/catalogue.ts";
import { landRecords } from "../../extract/land.ts";
import { slicePage } from "../../extract/page.ts";
import { toLandingRecords, wantedFields } from "../../extract/record.ts";
import { createTestDatabase } from "../postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());

const object: CvdwObject = { name: "reservas", path: "/reservas", key: ["idreserva"] };
let loadId = 0n;

/** Lands raw JSON texts as one load and returns how many versions they added. */
async function land(texts: readonly string[], conta = "acme"): Promise<number> {
  const page = slicePage(
    Buffer.from(`{"dados":[${texts.join()}],"total_de_registros":1,"total_de_paginas":1}`),
    wantedFields(object),
  );
  const { records } = toLandingRecords(object, page);
  const client = await database.pool.connect();
  try {
    await client.query("begin");
    const { rows } = await client.query("select from landing.reservas where conta = $1", [conta]);
    await client.query("select elt.open_scan_keys(1); truncate elt.scan_keys_1");
    const seenKeys = { table: "scan_keys_1", coverLanding: rows.length === 0 };
    loadId++;
    const load = { conta, object: object.name, loadId, nextSeq: 1n, scanId: "1", seenKeys };
    const { newVersions, newKeys } = await landRecords(client, load, records);
    expect(newKeys).toBe(new Set(records.map(({ chave }) => chave)).size);
    await client.query("commit");
    return newVersions;
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

async function newest(): Promise<{ chave: string; payload: unknown; text: string }[]> {
  const { rows } = await database.pool.query(
    "select chave, payload, payload::text as text from landing.reservas_atual order by conta, chave",
  );
  return rows;
}

async function versions(chave = "1"): Promise<unknown[]> {
  const { rows } = await database.pool.query(
    "select payload ->> 'v' as v from landing.reservas where chave = $1 order by load_id, seq",
    [chave],
  );
  return rows.map((row) => row.v);
}

beforeEach(async () => {
  await database.pool.query("select landing.create_object('reservas')");
  await database.pool.query("truncate landing.reservas");
});

describe("landing", () => {
  test("a record equal to its newest version adds nothing", async () => {
    expect(await land(['{"idreserva":1,"v":"A"}'])).toBe(1);
    expect(await land(['{"idreserva":1,"v":"A"}'])).toBe(0);
    expect(await versions()).toEqual(["A"]);
  });

  test("a value that goes A → B → A makes three versions, and the newest is A", async () => {
    for (const v of ["A", "B", "A"]) await land([`{"idreserva":1,"v":"${v}"}`]);
    expect(await versions()).toEqual(["A", "B", "A"]);
    expect(await newest()).toMatchObject([{ payload: { v: "A" } }]);
  });

  test("versions of one key in one load keep their order", async () => {
    const texts = ["A", "B", "B", "A", "C"].map((v) => `{"idreserva":1,"v":"${v}"}`);
    expect(await land(texts)).toBe(4);
    expect(await versions()).toEqual(["A", "B", "A", "C"]);
    expect(await newest()).toMatchObject([{ payload: { v: "C" } }]);
  });

  test("the same value written in another way adds nothing", async () => {
    await land(['{"idreserva":1,"v":"ç","n":10}']);
    expect(await land(['{ "n": 10, "v": "\\u00e7", "idreserva": 1 }'])).toBe(0);
  });

  test("accounts with the same ids do not meet", async () => {
    await land(['{"idreserva":1,"v":"A"}'], "um");
    await land(['{"idreserva":1,"v":"B"}'], "dois");
    expect(await newest()).toMatchObject([{ payload: { v: "B" } }, { payload: { v: "A" } }]);
  });

  test("any sequence of loads leaves each key's last value newest, and no two equal in a row", async () => {
    const step = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom("A", "B", "C")),
      {
        maxLength: 8,
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 5 }), async (loads) => {
        await database.pool.query("truncate landing.reservas");
        const history = new Map<string, string[]>();
        for (const records of loads) {
          await land(records.map(([id, v]) => `{"idreserva":${id},"v":"${v}"}`));
          for (const [id, v] of records) {
            const known = history.get(String(id)) ?? [];
            if (known.at(-1) !== v) history.set(String(id), [...known, v]);
          }
        }
        for (const [chave, expected] of history) expect(await versions(chave)).toEqual(expected);
        const current = await newest();
        expect(current.map((row) => [row.chave, (row.payload as { v: string }).v])).toEqual(
          [...history].map(([chave, values]) => [chave, values.at(-1)]).sort(),
        );
      }),
      { numRuns: 25 },
    );
  });

  test.each([
    ["quotes", 'ele disse "sim" e ’não’'],
    ["tabs and newlines", "a\tb\nc\r\nd"],
    ["backslashes", "C:\\dados\\n"],
    ["COPY's null mark", "\\N"],
    ["COPY's end mark", "\\."],
    ["emoji and accents", "São João 🏠👨‍👩‍👧"],
    ["control-like text", "\u0001\u0002"],
  ])("%s arrive unchanged", async (_, text) => {
    await land([`{"idreserva":1,"v":${JSON.stringify(text)}}`]);
    expect(await newest()).toMatchObject([{ payload: { v: text } }]);
  });

  test("a number of 25 digits arrives with all of them", async () => {
    await land(['{"idreserva":1,"v":1234567890123456789012345,"d":0.1234567890123456789012345}']);
    const [row] = await newest();
    expect(row?.text).toContain("1234567890123456789012345");
    expect(row?.text).toContain("0.1234567890123456789012345");
  });

  test("records that JSON allows and jsonb refuses fail with a data error", async () => {
    await expect(land(['{"idreserva":1,"v":"a\\u0000b"}'])).rejects.toMatchObject({
      code: "22P05",
    });
  });
});
