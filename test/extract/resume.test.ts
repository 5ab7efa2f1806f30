import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Emulator, type EmulatorOptions, startEmulator } from "../../emulator/server.ts";
import { createTestDatabase } from "../postgres.ts";
import {
  compareWithSource,
  type EmulatedAccount,
  emulatedAccount,
  extractEmulated,
  leftovers,
  noDifference,
} from "./emulated-extraction.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;

let accounts = 0;
let source: EmulatedAccount;
let emulator: Emulator;

function reserva(id: number): Record<string, string | number> {
  const day = String(1 + Math.floor(id / 4)).padStart(2, "0");
  const date = `2026-01-${day} 10:00:00`;
  return { idreserva: id, referencia_data: date, data_modificacao: date, situacao: "A" };
}

function reservas(from: number, to: number) {
  return Array.from({ length: to - from + 1 }, (_, index) => reserva(from + index));
}

async function start(
  objects: Parameters<typeof emulatedAccount>[1] = { reservas: reservas(1, 40) },
  options: Partial<EmulatorOptions> = {},
): Promise<void> {
  source = emulatedAccount(`conta${++accounts}`, objects);
  emulator = await startEmulator({ accounts: [source.account], rateLimit: null, ...options });
}

function extract(
  options: Parameters<typeof extractEmulated>[3] = {},
  objects: readonly string[] = ["reservas"],
) {
  return extractEmulated(pool, { ...source, url: emulator.url }, objects, {
    pageSize: 4,
    ...options,
  });
}

function pagesAsked(): readonly string[] {
  return emulator.requests.map(
    ({ parameters }) => `${parameters.pagina}/${parameters.registros_por_pagina}`,
  );
}

beforeEach(() => start());

afterEach(() => emulator.close());

describe("a scan that a limit stopped", () => {
  test("goes on at its row, also with another page size", async () => {
    const first = await extract({ maxPages: 4 });
    expect(first.results).toMatchObject([{ verdict: "stopped", pages: 4 }]);
    expect(first.exitCode).toBe(0);
    expect(pagesAsked()).toEqual(["1/4", "10/4", "9/4", "8/4"]);
    const second = await extract({ pageSize: 6 });
    expect(second.results).toMatchObject([{ verdict: "proven", records: 40, newVersions: 24 }]);
    // 28 rows are unread: page 5 of 6 ends at row 30. Then page 1 again, and the end.
    expect(pagesAsked().slice(4)).toEqual(["5/6", "4/6", "3/6", "2/6", "1/6", "7/6"]);
    expect(await compareWithSource(pool, source.account, "reservas")).toEqual(noDifference);
    expect(await leftovers(pool, source.account.conta)).toEqual([]);
  });

  test("moves the cursor to where its first run began, not the last", async () => {
    await extract({ maxPages: 4 });
    source.letPass(600);
    source.account.edit("reservas", 40, { situacao: "B" });
    source.letPass(600);
    await extract();
    const { rows } = await pool.query(
      "select cursor_at::text as at from elt.cursors where conta = $1",
      [source.account.conta],
    );
    expect(rows).toEqual([{ at: "2026-03-01 11:00:00" }]);
  });

  test("of time lands what arrived and asks for nothing more", async () => {
    const { results } = await extract({ deadline: source.now() });
    expect(results).toMatchObject([{ verdict: "stopped", pages: 0 }]);
    expect(emulator.requests).toEqual([]);
  });

  test("of time waits for no source beyond it", async () => {
    emulator.fault({ object: "reservas", page: 9, times: 1, kind: "503-html", retryAfter: 3_600 });
    const deadline = new Date(source.now().getTime() + 60_000);
    const first = await extract({ deadline });
    expect(first.waits).toEqual([]);
    expect(first.results).toMatchObject([{ verdict: "failed", fault: "server" }]);
    expect((await extract()).results).toMatchObject([{ verdict: "proven", records: 40 }]);
    expect(await compareWithSource(pool, source.account, "reservas")).toEqual(noDifference);
  });

  test("is begun anew when a full scan is asked for in the middle of an incremental one", async () => {
    await extract();
    source.letPass(60);
    for (let id = 1; id <= 20; id++) source.account.edit("reservas", id, { situacao: "B" });
    expect((await extract({ maxPages: 2 })).results).toMatchObject([
      { verdict: "stopped", mode: "incremental" },
    ]);
    expect((await extract({ full: true })).results).toMatchObject([
      { verdict: "proven", mode: "full", records: 40 },
    ]);
    expect(await leftovers(pool, source.account.conta)).toEqual([]);
  });

  test("is read from the start when the database lost the keys it had read", async () => {
    await extract({ maxPages: 4 });
    const { rows } = await pool.query("select scan_id from elt.scans where conta = $1", [
      source.account.conta,
    ]);
    await pool.query(`truncate elt.scan_keys_${rows[0].scan_id}`);
    expect((await extract()).results).toMatchObject([{ verdict: "proven", records: 40 }]);
    expect(await compareWithSource(pool, source.account, "reservas")).toEqual(noDifference);
  });
});

describe("a killed run whose last transaction commits late", () => {
  /** What the killed run's connection still does while it holds the object. */
  async function finishLate(doLate: (scanId: string) => string): Promise<void> {
    await extract({ maxPages: 4 });
    const { conta } = source.account;
    const { rows } = await pool.query("select scan_id from elt.scans where conta = $1", [conta]);
    const late = await pool.connect();
    await late.query("begin");
    await late.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [
      `land ${conta} reservas`,
    ]);
    const next = extract();
    await waitForLock();
    await late.query(doLate(rows[0].scan_id));
    await late.query("commit");
    late.release();
    expect((await next).results).toMatchObject([{ verdict: "proven", records: 40 }]);
    expect(await compareWithSource(pool, source.account, "reservas")).toEqual(noDifference);
    expect(await leftovers(pool, conta)).toEqual([]);
  }

  /** Until the next run waits for the object. */
  async function waitForLock(): Promise<void> {
    const { rows } = await pool.query(
      `select from pg_locks where locktype = 'advisory' and not granted
         and database = (select oid from pg_database where datname = current_database())`,
    );
    if (rows.length === 0) await waitForLock();
  }

  test("is gone on with after the page that it landed", () =>
    finishLate(
      (scan) => `insert into elt.scan_pages (scan_id, ordinal, page, page_size, records, total)
        values (${scan}, 4, 7, 4, 4, 40)`,
    ));

  test("is read anew when it had ended its scan", () =>
    finishLate((scan) => `select elt.close_scan(${scan})`));
});

describe("a source that takes too long", () => {
  test("is asked for half as many records, and for more again later", async () => {
    await emulator.close();
    await start({ reservas: reservas(1, 90) });
    emulator.fault({ object: "reservas", page: 2, pageSizeAbove: 20, kind: "slow", ms: 2_000 });
    const { results, events } = await extract({ pageSize: 40, timeoutMs: 300 });
    expect(results).toMatchObject([{ verdict: "proven", records: 90 }]);
    expect(events).toContainEqual({ type: "page-size-halved", object: "reservas", pageSize: 20 });
    expect(pagesAsked().slice(3)).toEqual(["4/20", "3/20", "2/20", "1/20", "5/20"]);
    expect(await pageSize()).toBe(20);
    await extract({ pageSize: 40, full: true });
    expect(pagesAsked().at(-1)).toBe("5/20");
    expect(await pageSize()).toBeNull();
    await extract({ pageSize: 40, full: true });
    expect(pagesAsked().at(-1)).toBe("3/40");
  });

  async function pageSize(): Promise<number | null> {
    const { rows } = await pool.query("select page_size from elt.cursors where conta = $1", [
      source.account.conta,
    ]);
    return rows[0]?.page_size;
  }
});

describe("a backfill", () => {
  test("reads its range, lands beside the daily scan and leaves its cursor", async () => {
    await extract({ maxPages: 3 });
    const range = { since: "2026-01-03", until: "2026-01-04 23:59:59" };
    const { results } = await extract({ range });
    expect(results).toMatchObject([{ verdict: "proven", mode: "backfill", records: 8 }]);
    expect(emulator.requests.at(-1)?.parameters).toMatchObject({
      a_partir_data_referencia: "2026-01-03",
      ate_data_referencia: "2026-01-04 23:59:59",
    });
    const { rows } = await pool.query("select from elt.cursors where conta = $1", [
      source.account.conta,
    ]);
    expect(rows).toEqual([]);
    expect((await extract()).results).toMatchObject([{ verdict: "proven", mode: "full" }]);
    expect(await compareWithSource(pool, source.account, "reservas")).toEqual(noDifference);
  });

  test("that runs at the same time as the daily scan doubles nothing", async () => {
    await Promise.all([extract(), extract({ range: { since: "2026-01-01", until: undefined } })]);
    expect(await compareWithSource(pool, source.account, "reservas")).toEqual(noDifference);
  });

  test("of the same range goes on where it was stopped", async () => {
    const range = { since: "2026-01-01", until: undefined };
    await extract({ range, maxPages: 5 });
    await extract({ range: { since: "2026-01-05", until: undefined }, maxPages: 3 });
    const asked = emulator.requests.length;
    expect((await extract({ range })).results).toMatchObject([{ verdict: "proven", records: 40 }]);
    expect(pagesAsked()[asked]).toBe("6/4");
  });
});

describe("records without a key", () => {
  test("count by their place, so that an object with some can be proven", async () => {
    await emulator.close();
    const empty = { idreserva: null, referencia_data: "2026-01-01 10:00:00", situacao: null };
    await start({ reservas: [empty, empty, ...reservas(1, 9), empty] as never });
    const { results } = await extract();
    expect(results).toMatchObject([{ verdict: "proven", records: 12, newVersions: 9 }]);
    expect(results[0]?.quarantined).toBeGreaterThan(0);
  });
});

describe("objects of a source that answers slowly", () => {
  test("are read side by side, in order when it answers fast", async () => {
    const names = ["reservas", "comissoes", "unidades", "corretores"];
    await emulator.close();
    await start(Object.fromEntries(names.map((name) => [name, []])));
    await extract({}, names);
    expect(emulator.requests.map(({ path }) => path.slice(1))).toEqual(names);
    for (const object of names) {
      emulator.fault({ object, kind: "slow", ms: 300 });
    }
    const { events } = await extract({ full: true }, names);
    const order = events.map(({ type }) => type).filter((type) => type.startsWith("object-"));
    // The first shows that the source answers at all.
    expect(order.slice(0, 2)).toEqual(["object-started", "object-finished"]);
    expect(order.slice(2, 5)).toEqual(Array(3).fill("object-started"));
  });
});
