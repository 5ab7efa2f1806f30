import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { CvdwObject } from "../../extract/catalogue.ts";
import type { Load } from "../../extract/land.ts";
import { slicePage } from "../../extract/page.ts";
import { landOrQuarantine } from "../../extract/quarantine.ts";
import { toLandingRecords, wantedFields } from "../../extract/record.ts";
import { createTestDatabase } from "../postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;

const object: CvdwObject = { name: "reservas", path: "/reservas", key: ["idreserva"] };
const PAGE_SIZE = 500;
let loadId = 0n;

type Text = string | Buffer;

/** Lands pages of raw texts as one load, and tells what was asked of the database. */
async function land(pages: readonly (readonly Text[])[], of = object) {
  const load: Load = {
    conta: "acme",
    object: of.name,
    loadId: ++loadId,
    nextSeq: 1n,
    scanId: undefined,
    seenKeys: undefined,
  };
  const placed = pages.map((texts, index) => {
    const items = texts.flatMap((text) => [Buffer.from(","), Buffer.from(text)]).slice(1);
    const totals = '],"total_de_registros":1,"total_de_paginas":1}';
    const body = Buffer.concat([Buffer.from('{"dados":['), ...items, Buffer.from(totals)]);
    const sliced = slicePage(body, wantedFields(of));
    return { page: index + 1, pageSize: PAGE_SIZE, ...toLandingRecords(of, sliced) };
  });
  const client = await pool.connect();
  const asked: string[] = [];
  const onQuery = client.query;
  client.query = ((...args: Parameters<typeof onQuery>) => {
    asked.push(String(args[0]));
    return onQuery.apply(client, args);
  }) as typeof onQuery;
  try {
    await client.query("begin");
    const landed = await landOrQuarantine(client, load, placed);
    await client.query("commit");
    return { ...landed, probes: asked.filter((text) => text.includes("json_problem")).length };
  } finally {
    client.query = onQuery;
    await client.query("rollback");
    client.release();
  }
}

/** Payloads of each key's versions, the oldest first. */
async function landed(): Promise<Record<string, unknown[]>> {
  const { rows } = await pool.query(
    "select chave, array_agg(payload -> 'v' order by load_id, seq) as v from landing.reservas group by 1",
  );
  return Object.fromEntries(rows.map((row) => [row.chave, row.v]));
}

async function quarantine() {
  const { rows } = await pool.query(
    `select reason, sqlstate, page, position, page_size as size, chave, repaired,
       times_seen::int as times, encode(raw, 'escape') as raw
     from elt.quarantine order by page, position`,
  );
  return rows;
}

async function openCount(): Promise<number> {
  const { rows } = await pool.query("select count(*)::int as n from elt.open_quarantine");
  return rows[0].n;
}

beforeEach(async () => {
  await pool.query("select landing.create_object('reservas')");
  await pool.query("truncate landing.reservas, elt.quarantine, elt.loads, elt.removals");
});

const deep = `{"idreserva":7,"v":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;

describe("a record that cannot land as it was sent", () => {
  test("lands repaired, stands raw in quarantine, and costs no other record", async () => {
    const { newVersions, quarantined } = await land([
      ['{"idreserva":1,"v":"um"}', '{"idreserva":2,"v":"a\\u0000b"}'],
      ['{"idreserva":3,"v":1e400000}', '{"idreserva":4,"v":"quatro"}'],
    ]);
    expect({ newVersions, quarantined }).toEqual({ newVersions: 4, quarantined: 2 });
    expect(await landed()).toEqual({ 1: ["um"], 2: ["a\ufffdb"], 3: ["1e400000"], 4: ["quatro"] });
    expect(await quarantine()).toEqual([
      {
        ...{ reason: "nul-character", sqlstate: "22P05", page: 1, position: 2, size: 500 },
        ...{ chave: "2", repaired: true, times: 1, raw: '{"idreserva":2,"v":"a\\\\u0000b"}' },
      },
      {
        ...{ reason: "number-out-of-range", sqlstate: "22003", page: 2, position: 1, size: 500 },
        ...{ chave: "3", repaired: true, times: 1, raw: '{"idreserva":3,"v":1e400000}' },
      },
    ]);
  });

  test.each([
    ["lists that are nested too deep", deep, "too-deep", "54001", "7"],
    ["a literal that is none", '{"idreserva":7,"v":verdade}', "broken-json", "22P02", "7"],
    ["a comma too many", '{"idreserva":7,"v":1,}', "broken-json", "22P02", "7"],
    [
      "both a NUL and a broken list",
      '{"idreserva":7,"v":["\\u0000" 1]}',
      "broken-json",
      "22P05",
      "7",
    ],
    ["no comma", '{"idreserva":7 "v":1}', "broken-json", null, "7"],
    ["no key", '{"v":1}', "no-key", null, null],
    ["all its fields null", '{"idreserva":null,"v":null}', "no-key", null, null],
    ["a blank key", '{"idreserva":" ","v":1}', "no-key", null, null],
    ["false for a key", '{"idreserva":false}', "no-key", null, null],
    ["a list for a key", '{"idreserva":[7]}', "unusable-key", null, null],
    ["a NUL in its key", '{"idreserva":"7\\u0000"}', "unusable-key", null, null],
    ["half a surrogate in its key", '{"idreserva":"7\\ud800"}', "unusable-key", null, null],
    ["a line break in its key", '{"idreserva":"7\n"}', "unusable-key", null, null],
    ["a key of 5,000 digits", `{"idreserva":${"7".repeat(5_000)}}`, "unusable-key", null, null],
    ["nothing but a text", '"idreserva"', "not-an-object", null, null],
  ])("because it has %s stands in quarantine", async (_, text, reason, sqlstate, chave) => {
    const others = ['{"idreserva":1,"v":"um"}', '{"idreserva":2,"v":"dois"}'];
    const { newVersions, quarantined } = await land([[others[0] ?? "", text, others[1] ?? ""]]);
    expect({ newVersions, quarantined }).toEqual({ newVersions: 2, quarantined: 1 });
    expect(await landed()).toEqual({ 1: ["um"], 2: ["dois"] });
    const [caught, ...more] = await quarantine();
    expect(more).toEqual([]);
    expect(caught).toMatchObject({
      reason,
      sqlstate,
      chave,
      position: 2,
      repaired: false,
      times: 1,
    });
  });

  test("is repaired where its bytes are not UTF-8, but not in its key", async () => {
    await land([
      [Buffer.from('{"idreserva":1,"v":"Jos\xe9"}', "latin1"), '{"idreserva":"ç","v":"bom"}'],
      [Buffer.from('{"idreserva":"\xe9","v":"x"}', "latin1")],
    ]);
    expect(await landed()).toEqual({ 1: ["Jos\ufffd"], ç: ["bom"] });
    expect(await quarantine()).toMatchObject([
      { reason: "invalid-utf8", sqlstate: "22021", repaired: true },
      { reason: "unusable-key", sqlstate: null, repaired: false },
    ]);
  });

  test("with a key that repeats is known by its digest", async () => {
    const of = { ...object, keyRepeats: true } as const;
    const texts = ['{"idreserva":1,"v":"\\u0000"}', '{"idreserva":1,"v":"\\ud800"}', '{"v":2}'];
    expect(await land([texts], of)).toMatchObject({ newVersions: 2, quarantined: 3 });
    expect(Object.values(await landed())).toEqual([["\ufffd"], ["\ufffd"]]);
  });

  test("and is read again unchanged adds nothing; repaired, it is not even tried again", async () => {
    const repairable = ['{"idreserva":1,"v":"\\u0000"}', '{"idreserva":2,"v":"dois"}'];
    expect(await land([repairable])).toMatchObject({ newVersions: 2, quarantined: 1 });
    expect(await land([repairable])).toMatchObject({ newVersions: 0, quarantined: 0, probes: 0 });
    expect(await quarantine()).toMatchObject([{ times: 1 }]);

    const hopeless = [...repairable, '{"idreserva":7,"v":verdade}', '{"idreserva":null}'];
    expect(await land([hopeless])).toMatchObject({ newVersions: 0, quarantined: 2, probes: 1 });
    expect(await land([hopeless])).toMatchObject({ newVersions: 0, quarantined: 2, probes: 0 });
    expect(await quarantine()).toMatchObject([{ times: 1 }, { times: 2 }, { times: 2 }]);
  });

  test("many times on one page is one row that counts", async () => {
    const empty = '{"idreserva":null,"v":null}';
    expect(await land([[empty, empty], [empty]])).toMatchObject({ quarantined: 3 });
    expect(await quarantine()).toMatchObject([{ times: 3, page: 2, position: 1 }]);
  });

  test("twice in a row costs no other record either", async () => {
    const others = ['{"idreserva":1,"v":"um"}', '{"idreserva":7,"v":"sete"}'];
    const texts = [deep, deep, '{"idreserva":2,"v":"\\u0000"}', '{"idreserva":2,"v":"\\u0000"}'];
    const { newVersions } = await land([[...texts, ...others]]);
    expect(newVersions).toBe(3);
    expect(await landed()).toEqual({ 1: ["um"], 2: ["\ufffd"], 7: ["sete"] });
  });

  test("keeps its place among the versions of its key", async () => {
    await land([
      ['{"idreserva":1,"v":"a"}', '{"idreserva":1,"v":"b\\u0000"}', '{"idreserva":1,"v":"c"}'],
      ['{"idreserva":1,"v":"b\\u0000"}', '{"idreserva":2,"v":"\\ud800"}'],
    ]);
    expect(await landed()).toEqual({ 1: ["a", "b\ufffd", "c", "b\ufffd"], 2: ["\ufffd"] });
    const { rows } = await pool.query(
      "select chave, payload -> 'v' as v from landing.reservas_atual order by chave",
    );
    expect(rows).toEqual([
      { chave: "1", v: "b\ufffd" },
      { chave: "2", v: "\ufffd" },
    ]);
  });
});

describe("quarantine is open", () => {
  const broken = '{"idreserva":1,"v":verdade}';
  const good = '{"idreserva":1,"v":"bom"}';

  test("until a newer version of the record landed, in a later load or in the same one", async () => {
    await land([[broken]]);
    expect(await openCount()).toBe(1);
    await land([[good]]);
    expect(await openCount()).toBe(0);
    await land([[broken]]);
    expect(await openCount()).toBe(1);
    await land([[broken, '{"idreserva":1,"v":"melhor"}']]);
    expect(await openCount()).toBe(0);
    await land([['{"idreserva":1,"v":"pior"}', broken]]);
    expect(await openCount()).toBe(1);
  });

  test("for a repaired version until another one landed", async () => {
    await land([['{"idreserva":1,"v":"\\u0000"}']]);
    expect(await openCount()).toBe(1);
    await land([[good]]);
    expect(await openCount()).toBe(0);
  });

  test("until a later full reading that brought everything did not bring it", async () => {
    const scan = (mode: string, verdict: string, scanId: number | null) =>
      pool.query(
        `insert into elt.loads (load_id, conta, objeto, mode, verdict, scan_id)
         overriding system value values ($1, 'acme', 'reservas', $2, $3, $4)`,
        [String(++loadId), mode, verdict, scanId],
      );
    await scan("full", "stopped", 5);
    loadId--;
    await land([['{"v":1}']]);
    for (const other of ["incremental", "backfill", "quarantine"])
      await scan(other, "proven", null);
    await scan("full", "unproven", null);
    // The scan that brought it, gone on with by another load.
    await scan("full", "proven", 5);
    expect(await openCount()).toBe(1);
    await scan("full", "proven", 6);
    expect(await openCount()).toBe(0);
  });

  test("until the source no longer has the record", async () => {
    await land([[broken]]);
    await pool.query(
      `insert into elt.removals (conta, objeto, chave, missing_in, removed_in)
       values ('acme', 'reservas', '1', $1, $2)`,
      [String(loadId + 1n), String(loadId + 2n)],
    );
    expect(await openCount()).toBe(0);
  });
});

type Fate = "lands" | "repaired" | "refused";
type Item = {
  readonly raw: Buffer;
  readonly v: unknown;
  readonly fate: Fate;
  readonly key: boolean;
};

/** A way to damage a record, and what must become of it. */
const damages: readonly ((id: number, v: string) => Item)[] = [
  (id, v) => item(`{"idreserva":${id},"v":${JSON.stringify(v)}}`, v, "lands"),
  (id, v) => item(`{ "x":[{"v":"}"}], "idreserva":"${id}" ,"v":"${v}"}`, v, "lands"),
  (id, v) => item(`{"idreserva":${id},"v":"${v}\\u0000"}`, `${v}\ufffd`, "repaired"),
  (id, v) => item(`{"idreserva":${id},"v":"\\udc00${v}"}`, `\ufffd${v}`, "repaired"),
  (id, v) => item(`{"idreserva":${id},"v":"\\ud800${v}"}`, `\ufffd${v}`, "repaired"),
  (id, v) => item(`{"idreserva":${id},"v":"${v}\u0002"}`, `${v}\u0002`, "repaired"),
  (id) => item(`{"idreserva":${id},"v":-7e222222}`, "-7e222222", "repaired"),
  (id, v) =>
    item(
      latin1(`{"idreserva":${id},"v":"${v}\xe7"}`),
      `${v.replaceAll("é", "\ufffd")}\ufffd`,
      "repaired",
    ),
  (id, v) => item(`{"idreserva":${id},"v":"${v}",}`, undefined, "refused"),
  (id, v) => item(`{"idreserva":${id},"v":"${v}"x"y"}`, undefined, "refused"),
  (id, v) => item(`{"idreserva":${id},"v":{"${v}"}}`, undefined, "refused"),
  (id, v) => item(`{"idreserva":${id},"v":"\\x${v}"}`, undefined, "refused"),
  (id) =>
    item(
      `{"idreserva":${id},"v":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
      undefined,
      "refused",
    ),
  (id, v) => item(`{"idreserva" ${id} "v":"${v}"}`, undefined, "refused"),
  (id, v) => item(`{"idreserva":null,"id":${id},"v":"${v}"}`, undefined, "refused"),
  (id, v) => item(`{"idreserva":{"id":${id}},"v":"${v}"}`, undefined, "refused"),
  (id, v) => item(`["${v}",${id}]`, undefined, "refused"),
  (id) => item(`${id}`, undefined, "refused"),
];

function item(raw: Text, v: unknown, fate: Fate): Item {
  return { raw: Buffer.from(raw), v, fate, key: fate !== "refused" };
}

function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

describe("pages with any records damaged in any way", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "é", "\\\\", " "), maxLength: 6 });
  const make = fc.tuple(
    fc.nat(damages.length - 1),
    word.map((text) => text.replaceAll("\\", "")),
  );

  test("land every good record exactly, and every bad one is in quarantine exactly", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(make, { maxLength: 8 }), { minLength: 1, maxLength: 4 }),
        async (given) => {
          await pool.query("truncate landing.reservas, elt.quarantine");
          let id = 0;
          const pages = given.map((page) =>
            page.flatMap(([kind, v]) => damages[kind]?.(++id, v) ?? []),
          );
          const items = pages.flat();
          const texts = pages.map((page) => page.map(({ raw }) => raw));
          const first = await land(texts);
          const lands = items.filter(({ fate }) => fate !== "refused");
          const caught = items.filter(({ fate }) => fate !== "lands");
          expect(first.newVersions).toBe(lands.length);
          expect(first.quarantined).toBe(caught.length);
          const expected = items.flatMap(({ v, fate }, index) =>
            fate === "refused" ? [] : [[String(index + 1), [v]]],
          );
          expect(await landed()).toEqual(Object.fromEntries(expected));
          await expectQuarantine(pages, 1);

          const second = await land(texts);
          expect(second).toMatchObject({ newVersions: 0, probes: 0 });
          expect(await landed()).toEqual(Object.fromEntries(expected));
          await expectQuarantine(pages, 2);
        },
      ),
      { numRuns: 40 },
    );
  });

  async function expectQuarantine(pages: readonly (readonly Item[])[], readings: number) {
    const { rows } = await pool.query(
      `select page, position, repaired, times_seen::int as times, encode(raw, 'hex') as raw
       from elt.quarantine order by page, position`,
    );
    const expected = pages.flatMap((page, number) =>
      page.flatMap(({ raw, fate }, index) => {
        if (fate === "lands") return [];
        const repaired = fate === "repaired";
        const times = repaired ? 1 : readings;
        return [
          { page: number + 1, position: index + 1, repaired, times, raw: raw.toString("hex") },
        ];
      }),
    );
    expect(rows).toEqual(expected);
  }

  test("keep the order of the versions of each key", async () => {
    const step = fc.tuple(fc.integer({ min: 1, max: 3 }), make);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(step, { maxLength: 10 }), { maxLength: 3 }),
        async (loads) => {
          await pool.query("truncate landing.reservas, elt.quarantine");
          const history = new Map<string, unknown[]>();
          for (const steps of loads) {
            const items = steps.map(([id, [kind, v]]) => ({ id, ...damages[kind]?.(id, v) }));
            await land([items.map(({ raw }) => raw ?? "null")]);
            for (const { id, v, fate } of items) {
              const known = history.get(String(id)) ?? [];
              if (fate !== "refused") history.set(String(id), [...known, v]);
            }
          }
          // Two writings of one value may differ in fields that the test does not look at.
          const changes = (values: readonly unknown[]) =>
            values.filter((v, index) => index === 0 || v !== values[index - 1]);
          const actual = Object.entries(await landed()).map(([id, values]) => [
            id,
            changes(values),
          ]);
          const expected = [...history].map(([id, values]) => [id, changes(values)]);
          expect(Object.fromEntries(actual)).toEqual(Object.fromEntries(expected));
        },
      ),
      { numRuns: 40 },
    );
  });
});
