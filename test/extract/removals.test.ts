import fc from "fast-check";
import type { PoolClient } from "pg";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  clearReturned,
  type KeysRead,
  markRemovals,
  type Removals,
} from "../../extract/removals.ts";
import { createTestDatabase } from "../postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;

const NOW = new Date("2026-03-01T15:00:00Z");
let client: PoolClient;
let loadId: bigint;

beforeEach(async () => {
  loadId = 0n;
  client = await pool.connect();
  await client.query(
    "select landing.create_object('reservas'), landing.create_object('pesquisas')",
  );
  await client.query("truncate landing.reservas, landing.pesquisas, elt.removals");
});
afterEach(() => client.release());

type Reading = { readonly conta?: string; readonly object?: string };

/** Lands keys as landRecords does, each with a value, and brings back those that were removed. */
async function read(
  records: readonly (readonly [chave: string, value: string])[],
  { conta = "acme", object = "reservas" }: Reading = {},
): Promise<void> {
  loadId++;
  await client.query(
    `insert into landing.${object} (
        conta, chave, load_id, seq, supersedes_load_id, supersedes_seq, hash, payload
      )
      select
        $1, wanted.chave, $2, row_number() over (), newest.load_id, newest.seq,
        md5(wanted.value)::uuid, to_jsonb(wanted.value)
      from unnest($3::text[], $4::text[]) as wanted (chave, value)
      left join lateral (
        select * from landing.${object} as version
        where version.conta = $1 and version.chave = wanted.chave
        order by load_id desc, seq desc
        limit 1
      ) as newest on true
      where newest.payload is distinct from to_jsonb(wanted.value)`,
    [conta, loadId, records.map(([chave]) => chave), records.map(([, value]) => value)],
  );
  const chaves = records.map(([chave]) => chave);
  await clearReturned(client, { conta, object, loadId, chaves, now: NOW });
}

/** A proven full scan that brought these keys, given in one of the two ways. */
async function fullScan(
  chaves: readonly string[],
  options: Reading & { readonly allowMassRemoval?: boolean; readonly inTable?: boolean } = {},
): Promise<Removals> {
  await read(
    chaves.map((chave) => [chave, "A"]),
    options,
  );
  return markRemovalsOf(chaves, options);
}

async function markRemovalsOf(
  chaves: readonly string[],
  {
    conta = "acme",
    object = "reservas",
    inTable = false,
    allowMassRemoval = false,
  }: Parameters<typeof fullScan>[1] = {},
): Promise<Removals> {
  if (inTable) {
    await client.query("select elt.open_scan_keys($1)", [loadId]);
    await client.query(`insert into elt.scan_keys_${loadId} select unnest($1::text[])`, [chaves]);
  }
  const keysRead: KeysRead = inTable ? { keysTable: `scan_keys_${loadId}` } : { chaves };
  const scan = { conta, object, loadId, read: keysRead, allowMassRemoval, now: NOW };
  const removals = await markRemovals(client, scan);
  if (inTable) await client.query("select elt.close_scan($1)", [loadId]);
  return removals;
}

async function live({ conta = "acme", object = "reservas" }: Reading = {}): Promise<string[]> {
  const { rows } = await client.query(
    `select chave from landing.${object}_atual where conta = $1 order by chave collate "C"`,
    [conta],
  );
  return rows.map((row) => row.chave);
}

/** What is remembered of missing records, one text each. */
async function remembered(conta = "acme"): Promise<string[]> {
  const { rows } = await client.query(
    "select concat_ws(' ', chave, missing_in, removed_in, returned_in) as row from elt.removals where conta = $1 order by chave, missing_in",
    [conta],
  );
  return rows.map((row) => row.row);
}

function keys(from: number, to: number, prefix = "k"): string[] {
  return Array.from(
    { length: to - from + 1 },
    (_, i) => `${prefix}${String(from + i).padStart(3, "0")}`,
  );
}

describe.each([
  ["in a table", { inTable: true }],
  ["as a list", { inTable: false }],
])("a proven full scan, its keys given %s,", (_, how) => {
  test("that brings every record removes none and remembers nothing", async () => {
    await fullScan(["1", "2"], how);
    expect(await fullScan(["1", "2"], how)).toEqual({ missing: 0, removed: 0, returned: 0 });
    expect(await remembered()).toEqual([]);
  });

  test("watches a missing record first and removes it when the next one misses it too", async () => {
    await fullScan(["1", "2", "3"], how);
    expect(await fullScan(["1", "3"], how)).toEqual({ missing: 1, removed: 0, returned: 0 });
    expect(await live()).toEqual(["1", "2", "3"]);
    expect(await fullScan(["1", "3"], how)).toEqual({ missing: 0, removed: 1, returned: 0 });
    expect(await live()).toEqual(["1", "3"]);
    expect(await remembered()).toEqual(["2 2 3"]);
    expect(await fullScan(["1", "3"], how)).toEqual({ missing: 0, removed: 0, returned: 0 });
    const { rows } = await client.query("select removed_at from landing.reservas order by chave");
    expect(rows.map((row) => row.removed_at)).toEqual([null, NOW, null]);
  });

  test("that brings a watched record forgets it, and counts from one when it is missing again", async () => {
    await fullScan(["1", "2"], how);
    await fullScan(["1"], how);
    await fullScan(["1", "2"], how);
    expect(await remembered()).toEqual([]);
    expect(await fullScan(["1"], how)).toMatchObject({ missing: 1, removed: 0 });
    expect(await live()).toEqual(["1", "2"]);
  });

  test("that brings a removed record makes it live again, and says so", async () => {
    for (const brought of [["1", "2"], ["1"], ["1"]]) await fullScan(brought, how);
    expect(await live()).toEqual(["1"]);
    expect(await fullScan(["1", "2"], how)).toEqual({ missing: 0, removed: 0, returned: 1 });
    expect(await live()).toEqual(["1", "2"]);
    expect(await remembered()).toEqual(["2 2 3 4"]);
    // And can be removed anew, with a history of both.
    await fullScan(["1"], how);
    await fullScan(["1"], how);
    expect(await live()).toEqual(["1"]);
    expect(await remembered()).toEqual(["2 2 3 4", "2 5 6"]);
  });

  test("touches no other account's records", async () => {
    await fullScan(["1", "2"], { ...how, conta: "outra" });
    for (const brought of [["1", "2"], ["1"], ["1"]]) await fullScan(brought, how);
    expect(await live()).toEqual(["1"]);
    expect(await live({ conta: "outra" })).toEqual(["1", "2"]);
    expect(await remembered("outra")).toEqual([]);
  });
});

describe("a removal", () => {
  test("is on the newest version alone, of the versions that a record has", async () => {
    await read([
      ["1", "A"],
      ["2", "A"],
    ]);
    await read([["2", "B"]]);
    await fullScan(["1"]);
    await fullScan(["1"]);
    const { rows } = await client.query(
      "select payload #>> '{}' as value, removed_at from landing.reservas where chave = '2' order by load_id",
    );
    expect(rows).toEqual([
      { value: "A", removed_at: null },
      { value: "B", removed_at: NOW },
    ]);
  });

  test("is closed as returned when the record comes back with another value", async () => {
    for (const brought of [["1", "2"], ["1"], ["1"]]) await fullScan(brought);
    await read([["2", "changed"]]);
    expect(await live()).toEqual(["1", "2"]);
    expect(await remembered()).toEqual(["2 2 3 4"]);
  });

  test("does not happen to a record that changed after it was missed", async () => {
    await fullScan(["1", "2"]);
    await fullScan(["1"]);
    await read([["2", "changed"]]);
    expect(await fullScan(["1"])).toMatchObject({ missing: 1, removed: 0 });
    expect(await live()).toEqual(["1", "2"]);
  });
});

describe("when many records vanish at once", () => {
  test("nothing is removed, a sentence says how many and what to do, and the flag lets it through", async () => {
    await fullScan(keys(1, 20));
    await fullScan(keys(6, 20));
    const refused = await fullScan(keys(6, 20));
    expect(refused).toMatchObject({ missing: 0, removed: 0 });
    expect(refused.refused).toMatch(
      /^reservas: nothing was removed, though 5 of its 20 records were missing/,
    );
    expect(refused.refused).toContain("elt -- extract reservas --full --allow-mass-removal");
    expect(await live()).toEqual(keys(1, 20));
    // Refused once is not forgiven: the same again.
    expect((await fullScan(keys(6, 20))).refused).toBeDefined();
    const allowed = await fullScan(keys(6, 20), { allowMassRemoval: true });
    expect(allowed).toEqual({ missing: 0, removed: 5, returned: 0 });
    expect(await live()).toEqual(keys(6, 20));
  });

  test("a fifth of them may go", async () => {
    await fullScan(keys(1, 25));
    await fullScan(keys(6, 25));
    expect(await fullScan(keys(6, 25))).toEqual({ missing: 0, removed: 5, returned: 0 });
  });

  test("a handful may go whatever its share", async () => {
    await fullScan(keys(1, 5));
    await fullScan(keys(5, 5));
    expect(await fullScan(keys(5, 5))).toEqual({ missing: 0, removed: 4, returned: 0 });
  });

  test("those that were removed before do not count as live", async () => {
    await fullScan(keys(1, 100));
    await fullScan(keys(81, 100), { allowMassRemoval: true });
    await fullScan(keys(81, 100), { allowMassRemoval: true });
    await fullScan(keys(86, 100));
    expect((await fullScan(keys(86, 100))).refused).toMatch(/5 of its 20 records/);
  });
});

describe("where a hash of the record completes the key", () => {
  const object = "pesquisas";
  const hashed = (from: number, to: number, value: string) =>
    keys(from, to).map((key) => `${key}|${value.repeat(32)}`);

  test("an edit of every record removes the old keys and is no mass removal", async () => {
    await fullScan(hashed(1, 40, "a"), { object });
    await fullScan(hashed(1, 40, "b"), { object });
    expect(await live({ object })).toHaveLength(80);
    expect(await fullScan(hashed(1, 40, "b"), { object })).toEqual({
      ...{ missing: 0, removed: 40, returned: 0 },
    });
    expect(await live({ object })).toEqual(hashed(1, 40, "b"));
  });

  test("edits at every scan go on replacing keys", async () => {
    const values = ["a", "b", "c", "d", "e"];
    for (const value of values) {
      expect(await fullScan(hashed(1, 40, value), { object })).not.toHaveProperty("refused");
    }
    expect(await live({ object })).toEqual([...hashed(1, 40, "d"), ...hashed(1, 40, "e")].sort());
  });

  test("records that vanish with everything of theirs are still too many", async () => {
    await fullScan(hashed(1, 40, "a"), { object });
    await fullScan(hashed(11, 40, "a"), { object });
    const { refused } = await fullScan(hashed(11, 40, "b"), { object });
    expect(refused).toMatch(/^pesquisas: nothing was removed, though 10 of its 40 records/);
  });

  test("in an object without one, other keys are no replacement", async () => {
    await fullScan(hashed(1, 40, "a"));
    await fullScan(hashed(1, 40, "b"));
    expect((await fullScan(hashed(1, 40, "b"))).refused).toMatch(
      /^reservas: nothing .* 40 of its 80/,
    );
  });
});

test("any history of readings leaves live what two full scans in a row did not both miss", async () => {
  type Known = { value: string; state: "live" | "watched" | "removed" };
  const universe = keys(1, 12);
  const step = fc.record({
    kind: fc.constantFrom("full" as const, "full" as const, "full" as const, "other" as const),
    brought: fc.array(fc.tuple(fc.constantFrom(...universe), fc.constantFrom("A", "A", "B")), {
      maxLength: 16,
    }),
    allowMassRemoval: fc.boolean(),
    inTable: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (history) => {
      await client.query("truncate landing.reservas, elt.removals");
      const model = new Map<string, Known>();
      for (const { kind, brought, allowMassRemoval, inTable } of history) {
        const records = new Map(brought);
        await read([...records]);
        let returned = 0;
        for (const [chave, value] of records) {
          const known = model.get(chave);
          if (known?.state === "removed") returned++;
          const watched = known?.state === "watched" && known.value === value;
          model.set(chave, { value, state: watched && kind === "other" ? "watched" : "live" });
        }
        if (kind === "other") continue;
        const missing = [...model].filter(([chave]) => !records.has(chave));
        const gone = missing.filter(([, known]) => known.state === "watched");
        const fresh = missing.filter(([, known]) => known.state === "live");
        const total = records.size + gone.length + fresh.length;
        const tooMany = gone.length >= 5 && gone.length * 5 > total && !allowMassRemoval;
        const { refused, ...counts } = await markRemovalsOf([...records.keys()], {
          inTable,
          allowMassRemoval,
        });
        expect(counts).toEqual({
          missing: fresh.length,
          removed: tooMany ? 0 : gone.length,
          returned,
        });
        expect(refused !== undefined).toBe(tooMany);
        if (!tooMany) for (const [, known] of gone) known.state = "removed";
        for (const [, known] of fresh) known.state = "watched";
        const expected = [...model].filter(([, known]) => known.state !== "removed");
        expect(await live()).toEqual(expected.map(([chave]) => chave).sort());
      }
    }),
    { numRuns: 60 },
  );
});
