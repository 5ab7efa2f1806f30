import type { Pool } from "pg";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Account, createAccount } from "../../emulator/account.ts";
import { type Emulator, type EmulatorOptions, startEmulator } from "../../emulator/server.ts";
import { createBudget } from "../../extract/budget.ts";
import { type CvdwObject, findObject } from "../../extract/catalogue.ts";
import { type CvdwClient, createCvdwClient } from "../../extract/cvdw.ts";
import type { ExtractEvent, ScanResult } from "../../extract/events.ts";
import { extractObjects } from "../../extract/extract.ts";
import { everyPage } from "../../extract/scan-options.ts";
import { startRun } from "../../runner/run-record.ts";
import { createTestDatabase } from "../postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;

const TOKEN = "s3cret-token";
const PAGE_SIZE = 4;
let emulator: Emulator;
let account: Account;
let client: CvdwClient;
let events: ExtractEvent[];
/** Brasília noon, long after every record. */
let clock: Date;

function reserva(id: number, day = id): Record<string, unknown> {
  const date = `2026-01-${String(day).padStart(2, "0")} 10:00:00`;
  return { idreserva: id, referencia_data: date, data_modificacao: date, situacao: "A" };
}

async function start(options: Partial<EmulatorOptions> = {}, token = TOKEN): Promise<void> {
  account = createAccount({
    conta: "acme",
    email: "ana@example.com",
    token: TOKEN,
    objects: { reservas: Array.from({ length: 10 }, (_, i) => reserva(i + 1)) as never },
    now: () => clock,
  });
  emulator = await startEmulator({ accounts: [account], rateLimit: null, ...options });
  client = createCvdwClient({
    conta: "acme",
    baseUrl: emulator.url,
    email: "ana@example.com",
    token,
  });
}

async function extract(names: readonly string[] = ["reservas"]): Promise<readonly ScanResult[]> {
  const objects: CvdwObject[] = names.map(
    (name) => findObject(name) ?? { name, path: `/${name}`, key: ["id"] },
  );
  const budget = createBudget({
    database: pool,
    conta: "acme",
    limit: { requests: 10_000, windowMs: 1_000 },
    sleep: letTimePass,
    onWait: () => undefined,
  });
  return extractObjects(
    {
      client,
      budget,
      emit: (event) => events.push(event),
      sleep: letTimePass,
      random: () => 0.5,
      database: pool,
      runId: await startRun(pool, { command: "test", conta: "acme" }),
      options: { ...everyPage, pageSize: PAGE_SIZE },
      now: () => clock,
      stop: new AbortController(),
    },
    objects,
  );
}

/** Waiting, as the database sees it: what blocked the account is that much longer ago. */
async function letTimePass(ms: number): Promise<void> {
  await pool.query(
    "update elt.accounts set blocked_until = blocked_until - make_interval(secs => $1)",
    [ms / 1000],
  );
}

async function cursorOf(object = "reservas"): Promise<string | null | undefined> {
  const { rows } = await pool.query(
    "select cursor_at::text as at from elt.cursors where objeto = $1",
    [object],
  );
  return rows[0]?.at;
}

async function landed(on: Pool = pool): Promise<Map<string, string>> {
  const { rows } = await on.query(
    "select chave, payload ->> 'situacao' as situacao from landing.reservas_atual order by chave::int",
  );
  return new Map(rows.map((row) => [row.chave, row.situacao]));
}

beforeEach(() => {
  events = [];
  clock = new Date("2026-03-01T15:00:00Z");
});

afterEach(async () => {
  await client.close();
  await emulator.close();
  await pool.query("truncate elt.runs, elt.loads, elt.cursors, elt.requests, elt.accounts cascade");
  await pool.query(
    "drop view if exists landing.reservas_atual; drop table if exists landing.reservas",
  );
});

describe("a scan", () => {
  test("lands every page, proves it, and moves the cursor an hour before the newest date", async () => {
    await start();
    expect(await extract()).toMatchObject([
      { verdict: "proven", mode: "full", records: 10, newVersions: 10, pages: 5 },
    ]);
    expect([...(await landed()).keys()]).toHaveLength(10);
    expect(await cursorOf()).toBe("2026-01-10 09:00:00");
    const { rows } = await pool.query(
      "select verdict, total::int, distinct_keys::int, passes from elt.loads",
    );
    expect(rows).toEqual([{ verdict: "proven", total: 10, distinct_keys: 10, passes: 1 }]);
  });

  test("of an unchanged source asks only for the overlap and adds nothing", async () => {
    await start();
    await extract();
    expect(await extract()).toMatchObject([
      { verdict: "proven", mode: "incremental", records: 1, newVersions: 0 },
    ]);
    expect(emulator.requests.at(-1)?.parameters).toMatchObject({
      a_partir_data_referencia: "2026-01-10 09:00:00",
    });
  });

  test("after one edited record adds exactly one version", async () => {
    await start();
    await extract();
    account.edit("reservas", 3, { situacao: "B" });
    clock = new Date("2026-03-01T16:00:00Z");
    expect(await extract()).toMatchObject([{ newVersions: 1 }]);
    expect((await landed()).get("3")).toBe("B");
  });

  test("keeps zero and future dates out of the cursor", async () => {
    await start();
    account.insert("reservas", reserva(11) as never, { at: "2026-02-01 00:00:00" });
    account.edit("reservas", 11, { referencia_data: "2099-01-01 00:00:00" });
    account.edit("reservas", 1, { referencia_data: "0000-00-00 00:00:00" });
    await extract();
    expect(await cursorOf()).toBe("2026-01-10 09:00:00");
    expect(await landed()).toHaveProperty("size", 11);
  });

  test("reads page 1, then from the last to the first, then the end again", async () => {
    await start();
    await extract();
    expect(emulator.requests.map((request) => request.parameters.pagina)).toEqual([
      "1",
      "3",
      "2",
      "1",
      "3",
    ]);
  });

  test("loses nothing when records slide between two pages read downwards", async () => {
    await start();
    // After page 3 is read, record 8 of page 2 moves to the end: 9 and 10 slide one place back.
    emulator.fault({
      object: "reservas",
      page: 2,
      times: 1,
      kind: (edited: Account) => edited.edit("reservas", 8, { situacao: "B" }),
    });
    const [result] = await extract();
    expect(result).toMatchObject({ verdict: "proven" });
    const arrived = await landed();
    for (let id = 1; id <= 10; id++) expect(arrived.has(String(id))).toBe(true);
  });

  test("finds a record that moved past the pages already read at the end, in the same pass", async () => {
    await start();
    // Record 6 moves from page 2, not yet read, behind page 3, already read: nine of ten are seen.
    emulator.fault({
      object: "reservas",
      page: 2,
      times: 1,
      kind: (edited: Account) => edited.edit("reservas", 6, { situacao: "B" }),
    });
    const [result] = await extract();
    expect(events.filter(({ type }) => type === "pass-repeated")).toEqual([]);
    expect(result).toMatchObject({ verdict: "proven" });
    expect((await landed()).get("6")).toBe("B");
    const { rows } = await pool.query(
      "select count(*)::int as n from landing.reservas where chave = '6'",
    );
    expect(rows).toEqual([{ n: 1 }]);
  });

  test("that never adds up stays unproven and does not move the cursor", async () => {
    await start();
    emulator.fault({
      object: "reservas",
      page: 2,
      times: 100,
      kind: (edited: Account) => {
        const last = [...edited.records("reservas")].at(-1);
        edited.remove("reservas", Number(last?.idreserva));
      },
    });
    const [result] = await extract();
    expect(result).toMatchObject({ verdict: "unproven" });
    expect(result?.reason).toContain("cursor stays where it was");
    expect(await cursorOf()).toBeUndefined();
    await extract();
    const { rows } = await pool.query("select passes from elt.loads order by load_id");
    expect(rows, "one pass is enough to see that it did not heal").toEqual([
      { passes: 3 },
      { passes: 1 },
    ]);
  });

  test("of records that share a key stays unproven, and says what to look for", async () => {
    await start();
    account.insert("reservas", reserva(3) as never);
    const [result] = await extract();
    expect(result).toMatchObject({ verdict: "unproven" });
    expect(result?.reason).toContain("look in the CRM for records with the same idreserva.");
    expect(await cursorOf()).toBeUndefined();
  });

  test("does not believe an empty answer where records are known", async () => {
    await start();
    await extract();
    await pool.query("update elt.cursors set last_full_at = '2020-01-01'");
    emulator.fault({ object: "reservas", times: 100, kind: "empty" });
    const [result] = await extract();
    expect(result).toMatchObject({ verdict: "failed", fault: "empty" });
    expect(result?.reason).toContain("Asked 5 times");
    expect(result?.reason).toContain("extract reservas --full --allow-mass-removal");
    expect(await landed()).toHaveProperty("size", 10);
  });

  test.each(["envelope", "204", "empty-body"] as const)(
    "takes the empty form %s of an object without records",
    async (emptyForm) => {
      await start({ emptyForm });
      expect(await extract(["demandas"])).toMatchObject([{ verdict: "proven", records: 0 }]);
    },
  );

  test("falls back to dates alone where the account refuses a time, and remembers it", async () => {
    await start({ dateMode: "date-only" });
    await extract();
    expect(await extract()).toMatchObject([{ verdict: "proven", mode: "incremental" }]);
    const filters = () =>
      emulator.requests.map((request) => request.parameters.a_partir_data_referencia);
    expect(filters().slice(-2)).toEqual(["2026-01-10 09:00:00", "2026-01-09"]);
    await extract();
    expect(filters().at(-1)).toBe("2026-01-09");
  });

  test("lands an object whose key has several parts", async () => {
    await start();
    account.insert("unidades_precos", { idunidade: 7, idtabela: 3, referencia: "7_3" } as never);
    expect(await extract(["unidades_precos"])).toMatchObject([{ newVersions: 1 }]);
    const { rows } = await pool.query("select chave from landing.unidades_precos");
    expect(rows).toEqual([{ chave: "7|3" }]);
  });
});

describe("a source that fails", () => {
  test.each([
    ["500", "server", "500"],
    ["cut", "network", "no complete answer"],
    ["reset", "network", "no complete answer"],
    ["invalid-json", "malformed", "not a page of CVDW"],
    ["401", "unauthorized", "401"],
    ["403", "forbidden", "403"],
    ["405", "unknown-path", "does not exist"],
  ] as const)(
    "with %s fails the object loudly and leaves the cursor",
    async (kind, fault, words) => {
      await start();
      emulator.fault({ object: "reservas", page: 2, times: 100, kind });
      const [result] = await extract();
      expect(result).toMatchObject({ verdict: "failed", fault });
      expect(result?.reason).toContain(words);
      expect(result?.reason).toContain("reservas, page 2");
      expect(await cursorOf()).toBeUndefined();
      const { rows } = await pool.query("select verdict, error from elt.loads");
      expect(rows).toMatchObject([{ verdict: "failed", error: result?.reason }]);
    },
  );

  test.each(["500", "cut", "reset", "429", "200-too-many", "520"] as const)(
    "with a single %s is asked again and loses nothing",
    async (kind) => {
      await start();
      emulator.fault({ object: "reservas", page: 2, times: 1, kind });
      expect(await extract()).toMatchObject([{ verdict: "proven", newVersions: 10 }]);
      expect(await landed()).toHaveProperty("size", 10);
      expect(events.filter((event) => event.type === "request-retried")).toHaveLength(1);
    },
  );

  test("for one object does not stop the others", async () => {
    await start();
    emulator.fault({ object: "comissoes", times: 100, kind: "401" });
    expect(await extract(["comissoes", "reservas"])).toMatchObject([
      { verdict: "failed", fault: "unauthorized" },
      { verdict: "proven" },
    ]);
  });

  test("late on one object is still asked for the others", async () => {
    await start();
    emulator.fault({ object: "reservas", page: 2, times: 100, kind: "reset" });
    expect(await extract(["reservas", "comissoes"])).toMatchObject([
      { verdict: "failed", fault: "network" },
      { verdict: "proven" },
    ]);
  });

  test("to answer at all is not asked for every object", async () => {
    await start();
    await emulator.close();
    const results = await extract(["comissoes", "reservas", "unidades"]);
    expect(results.map((result) => result.fault)).toEqual(["network", "network", "network"]);
    expect(results[2]?.reason).toContain("unidades was not tried");
    expect(events.filter((event) => event.type === "request-retried")).toHaveLength(8);
  });

  test("with damaged records lands all others and keeps those in quarantine", async () => {
    await start();
    account.insert("reservas", { referencia_data: "2026-01-20 10:00:00", idreserva: "" } as never);
    account.insert("reservas", { ...reserva(11), nome: "a\u0000b" } as never);
    expect(await extract()).toMatchObject([
      { verdict: "proven", records: 12, newVersions: 11, quarantined: 2 },
    ]);
    const { rows } = await pool.query(
      "select reason, repaired from elt.quarantine order by reason",
    );
    expect(rows).toEqual([
      { reason: "no-key", repaired: false },
      { reason: "nul-character", repaired: true },
    ]);
  });
});

test("the token appears in no event and no table", async () => {
  await start({}, "another-token");
  emulator.fault({ object: "comissoes", times: 100, kind: "cut" });
  await extract(["reservas", "comissoes"]);
  const { rows } = await pool.query(
    `select string_agg(format('%s', content), '') as everything from (
       select format('%s', runs) as content from elt.runs
       union all select format('%s', loads) from elt.loads
       union all select format('%s', requests) from elt.requests
     ) as tables`,
  );
  const everything = rows[0].everything + JSON.stringify(events);
  expect(everything).toContain("unauthorized");
  expect(everything).not.toContain("another-token");
  expect(everything).not.toContain("ana@example.com");
});
