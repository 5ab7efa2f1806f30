import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import type { Account } from "../../emulator/account.ts";
import { type Emulator, startEmulator } from "../../emulator/server.ts";
import { createTestDatabase } from "../postgres.ts";
import {
  compareWithSource,
  type Extracted,
  emulatedAccount,
  extractEmulated,
  leftovers,
  objectNamed,
} from "./emulated-extraction.ts";
import { numberedRecord } from "./fault-cases.ts";
import { change, gap } from "./source-changes.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;

const STORIES = 60;
/** A story that fails is made smaller for no longer than that. */
const SHRINK_MS = 200_000;

/** A source, and runs over it while it changes before each answer. */
const story = fc.record({
  object: fc.constantFrom("reservas", "comissoes", "unidades_precos"),
  records: fc.integer({ min: 0, max: 14 }),
  runs: fc.array(
    fc.record({
      full: fc.boolean(),
      pageSize: fc.integer({ min: 2, max: 5 }),
      maxPages: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined, freq: 2 }),
      /** Changes before the nth answer. */
      gaps: fc.array(gap, { minLength: 2, maxLength: 12 }),
      minutesBefore: fc.constantFrom(0, 5, 90, 1_500),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

let stories = 0;
const seen = { scans: 0, proven: 0, repeated: 0, stopped: 0, resumed: 0 };

function count({ results, events }: Extracted): void {
  seen.scans++;
  if (results[0]?.verdict === "proven") seen.proven++;
  if (results[0]?.verdict === "stopped") seen.stopped++;
  if (events.some(({ type }) => type === "pass-repeated")) seen.repeated++;
  if (events.some((event) => event.type === "object-started" && event.resumed)) seen.resumed++;
}

async function cursorOf(conta: string): Promise<string | null> {
  const { rows } = await pool.query<{ at: string | null }>(
    "select cursor_at::text as at from elt.cursors where conta = $1",
    [conta],
  );
  return rows[0]?.at ?? null;
}

/** Does something at the source before the nth answer from now on. */
function beforeAnswer(emulator: Emulator, call: number, kind: (account: Account) => void): void {
  emulator.fault({ call, kind });
}

/** Keys with a version that only repeats the one before. */
async function repeatedVersions(conta: string, object: string): Promise<readonly string[]> {
  const { rows } = await pool.query<{ chave: string }>(
    `select distinct chave from (
       select chave, payload, lag(payload) over (partition by chave order by load_id, seq) as previous
       from landing."${object}" where conta = $1
     ) as versions where payload = previous`,
    [conta],
  );
  return rows.map(({ chave }) => chave);
}

async function landedKeys(conta: string, object: string): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ chave: string }>(
    `select distinct chave from landing."${object}" where conta = $1`,
    [conta],
  );
  return new Set(rows.map(({ chave }) => chave));
}

test("a record that went is seen in the count of an empty page, before another one comes", async () => {
  const records = Array.from({ length: 6 }, (_, i) =>
    numberedRecord("reservas", i + 1, "2026-01-10"),
  );
  const source = emulatedAccount("vai-e-vem", { reservas: records });
  const emulator = await startEmulator({ accounts: [source.account], rateLimit: null });
  try {
    // Pages 1, 2, 1 and the end again, which is page 2: empty now, and no fault of the source.
    beforeAnswer(emulator, 4, (account) =>
      change(account, "reservas", { kind: "remove", pick: 0 }),
    );
    beforeAnswer(emulator, 5, (account) =>
      change(account, "reservas", { kind: "insert", date: "old" }),
    );
    const { results, events } = await extractEmulated(
      pool,
      { ...source, url: emulator.url },
      ["reservas"],
      { pageSize: 5 },
    );
    expect(events.filter(({ type }) => type === "request-retried")).toEqual([]);
    expect(events.filter(({ type }) => type === "pass-repeated")).toHaveLength(1);
    expect(results).toMatchObject([{ verdict: "proven" }]);
    expect(await compareWithSource(pool, source.account, "reservas")).toMatchObject({ lost: 0 });
  } finally {
    await emulator.close();
  }
});

test("a source that was emptied in the middle of a scan is believed when somebody says so", async () => {
  const records = Array.from({ length: 10 }, (_, i) =>
    numberedRecord("reservas", i + 1, "2026-01-10"),
  );
  const source = emulatedAccount("vazia", { reservas: records });
  const emulator = await startEmulator({ accounts: [source.account], rateLimit: null });
  const extract = (options: Parameters<typeof extractEmulated>[3]) =>
    extractEmulated(pool, { ...source, url: emulator.url }, ["reservas"], {
      pageSize: 4,
      ...options,
    });
  try {
    expect((await extract({ maxPages: 2 })).results).toMatchObject([{ verdict: "stopped" }]);
    for (const { idreserva } of records) source.account.remove("reservas", Number(idreserva));
    const refused = await extract({});
    expect(refused.results).toMatchObject([{ verdict: "failed", fault: "empty" }]);
    expect(refused.sentence).toContain("extract reservas --full --allow-mass-removal");
    const believed = await extract({ full: true, allowMassRemoval: true });
    expect(believed.results).toMatchObject([{ verdict: "proven", records: 0 }]);
    expect(await leftovers(pool, "vazia")).toEqual([]);
  } finally {
    await emulator.close();
  }
});

test("a source that changes at every page: proven is never wrong, and in the end landing equals it", {
  timeout: 240_000,
}, async () => {
  const check = fc.asyncProperty(story, async ({ object, records, runs }) => {
    const conta = `muda-${++stories}`;
    const base = Array.from({ length: records }, (_, i) =>
      numberedRecord(object, i + 1, "2026-01-10"),
    );
    const source = emulatedAccount(conta, { [object]: base });
    const { account } = source;
    const emulator = await startEmulator({ accounts: [account], rateLimit: null });
    const extract = async (options: Parameters<typeof extractEmulated>[3]) => {
      const extracted = await extractEmulated(
        pool,
        { ...source, url: emulator.url },
        [object],
        options,
      );
      count(extracted);
      return extracted;
    };
    try {
      for (const { gaps, minutesBefore, ...options } of runs) {
        source.letPass(minutesBefore);
        const before = await cursorOf(conta);
        const ends = gaps.map((changes, nth) =>
          emulator.fault({
            call: nth + 1,
            kind: (changing) => {
              for (const made of changes) change(changing, object, made);
            },
          }),
        );
        const [result] = (await extract(options)).results;
        for (const end of ends) end();
        if (result?.verdict !== "proven") {
          expect(await cursorOf(conta)).toBe(before);
          continue;
        }
        const landed = await landedKeys(conta, object);
        const { key } = objectNamed(object);
        const missing = [...account.records(object)]
          .map((record) => key.map((field) => String(record[field])).join("|"))
          .filter((chave) => !landed.has(chave));
        expect(missing).toEqual([]);
      }

      source.letPass(90);
      const quiet = { pageSize: 3, allowMassRemoval: true };
      // What a limit or a failure cut off is finished first: what changed meanwhile, the next run asks for.
      if ((await leftovers(pool, conta)).length > 0) await extract(quiet);
      const full = objectNamed(object).editsHidden === true;
      expect((await extract({ ...quiet, full })).results).toMatchObject([{ verdict: "proven" }]);
      expect(await compareWithSource(pool, account, object)).toMatchObject({ lost: 0 });
      for (let again = 1; again <= 2; again++) await extract({ ...quiet, full: true });
      expect(
        await compareWithSource(pool, account, object, { versionsOfKey: Number.POSITIVE_INFINITY }),
      ).toEqual({ lost: 0, doubled: 0, strange: 0 });
      expect(await repeatedVersions(conta, object)).toEqual([]);
      expect(await leftovers(pool, conta)).toEqual([]);
    } finally {
      await emulator.close();
    }
  });
  await fc.assert(check, { numRuns: STORIES, interruptAfterTimeLimit: SHRINK_MS });
  // The stories are worth something: scans were proven while the source changed, and others were not.
  expect(seen.scans).toBeGreaterThan(250);
  for (const kind of ["proven", "repeated", "stopped", "resumed"] as const) {
    expect([kind, seen[kind] > 10]).toEqual([kind, true]);
  }
});
