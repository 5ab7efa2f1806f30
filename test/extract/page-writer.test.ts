import fc from "fast-check";
import pg from "pg";
import { afterAll, describe, expect, test } from "vitest";
import type { Load } from "../../extract/land.ts";
import { startLoad } from "../../extract/load-record.ts";
import { openPageWriter, type PageToLand, type PageWriter } from "../../extract/page-writer.ts";
import { toLandingRecords } from "../../extract/record.ts";
import { closeScan, openScan, seenKeys } from "../../extract/scan-record.ts";
import { startRun } from "../../runner/run-record.ts";
import { createTestDatabase } from "../postgres.ts";
import { objectNamed } from "./emulated-extraction.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const reservas = objectNamed("reservas");

test("pages written side by side leave the versions of each key in the order of the pages", async () => {
  const runId = await startRun(pool, { command: "test", conta: "acme" });
  const pages = fc.array(fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }), {
    minLength: 1,
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(pages, async (given) => {
      await pool.query("drop table if exists landing.reservas cascade");
      const load = await startLoad(pool, {
        runId,
        conta: "acme",
        object: "reservas",
        mode: "full",
        since: undefined,
        until: undefined,
      });
      const range = { conta: "acme", object: "reservas", mode: "full" } as const;
      const ends = { since: undefined, until: undefined, startedAt: new Date() };
      const scan = await openScan(pool, { ...range, ...ends });
      load.scanId = scan.scanId;
      load.seenKeys = seenKeys(scan, { coverLanding: true });
      const writer = await openPageWriter(pool, load, { beside: "nobody" });
      const expected = new Map<string, number[]>();
      for (const [number, ids] of given.entries()) {
        const rows = ids.map((id) => {
          const json = Buffer.from(JSON.stringify({ idreserva: id, pagina: number }));
          return { json, fields: [undefined, String(id)] };
        });
        const { records } = toLandingRecords(reservas, {
          totalRecords: rows.length,
          totalPages: 1,
          records: rows,
        });
        for (const id of new Set(ids)) {
          expected.set(String(id), [...(expected.get(String(id)) ?? []), number]);
        }
        const page = { page: number + 1, pageSize: 4, evidence: undefined };
        await writer.push({ ...page, records, refused: [] });
      }
      await writer.finish(undefined, async () => undefined);
      await writer.close();
      expect(writer.counts().newKeys).toBe(expected.size);
      await closeScan(pool, scan.scanId);
      const versions = [...expected.values()].reduce((sum, numbers) => sum + numbers.length, 0);
      expect(writer.counts().newVersions).toBe(versions);
      const { rows } = await pool.query(
        `select chave, array_agg((payload ->> 'pagina')::int order by seq) as pages,
           count(*) filter (where supersedes_load_id is null)::int as first
         from landing.reservas group by chave`,
      );
      expect(new Map(rows.map((row) => [row.chave, row.pages]))).toEqual(expected);
      expect(rows.every((row) => row.first === 1)).toBe(true);
      const { rows: newest } = await pool.query(
        "select chave, (payload ->> 'pagina')::int as page from landing.reservas_atual",
      );
      expect(new Map(newest.map((row) => [row.chave, row.page]))).toEqual(
        new Map([...expected].map(([chave, numbers]) => [chave, numbers.at(-1)])),
      );
    }),
    { numRuns: 30 },
  );
});

describe("a backfill beside daily loads", () => {
  async function begin(mode: "full" | "backfill", conta: string): Promise<Load> {
    const runId = await startRun(pool, { command: "test", conta });
    const range = { since: undefined, until: undefined };
    return startLoad(pool, { runId, conta, object: "reservas", mode, ...range });
  }

  function pageOf(situacao: string): PageToLand {
    const json = Buffer.from(JSON.stringify({ idreserva: 1, situacao }));
    const records = [{ json, fields: [undefined, "1"] }];
    const page = toLandingRecords(reservas, {
      totalRecords: 1,
      totalPages: 1,
      records,
    });
    return { ...page, page: 1, pageSize: 4, evidence: undefined };
  }

  /** Lands reservation 1 with this value; returns how many versions that added. */
  async function land(load: Load, situacao: string, beside: "nobody" | "daily scan" = "nobody") {
    const writer = await openPageWriter(pool, load, { beside });
    await writer.finish(pageOf(situacao), async () => undefined);
    await writer.close();
    return writer.counts().newVersions;
  }

  async function newest(conta: string): Promise<readonly string[]> {
    const { rows } = await pool.query(
      "select payload ->> 'situacao' as situacao from landing.reservas_atual where conta = $1",
      [conta],
    );
    return rows.map(({ situacao }) => situacao);
  }

  test("lands newer versions than a daily load that began after it", async () => {
    const backfill = await begin("backfill", "depois");
    expect(await land(backfill, "A", "daily scan")).toBe(1);
    expect(await land(await begin("full", "depois"), "B")).toBe(1);
    expect(await land(backfill, "C", "daily scan")).toBe(1);
    expect(await newest("depois")).toEqual(["C"]);
    expect(await land(await begin("full", "depois"), "C")).toBe(0);
    expect(await land(await begin("full", "depois"), "D")).toBe(1);
    expect(await newest("depois")).toEqual(["D"]);
  });

  test("lands older versions than a daily load that waited for it", async () => {
    const backfill = await begin("backfill", "antes");
    const daily = await begin("full", "antes");
    expect(await land(backfill, "A", "daily scan")).toBe(1);
    expect(await land(daily, "B")).toBe(1);
    expect(await newest("antes")).toEqual(["B"]);
    expect(await land(await begin("full", "antes"), "B")).toBe(0);
  });
});

test("writers that fall behind leave connections to whoever else needs one", async () => {
  const max = 4;
  const small = new pg.Pool({
    connectionString: database.url,
    max,
    connectionTimeoutMillis: 2_000,
  });
  const runId = await startRun(small, { command: "test", conta: "acme" });
  const range = { mode: "full", since: undefined, until: undefined } as const;
  const writers: PageWriter[] = [];
  for (const object of ["reservas", "comissoes"]) {
    const load = await startLoad(small, { runId, conta: "acme", object, ...range });
    writers.push(await openPageWriter(small, load, { beside: "nobody" }));
  }
  const blocker = await pool.connect();
  await blocker.query("begin; lock table landing.reservas, landing.comissoes");
  const empty = { records: [], refused: [], page: 1, pageSize: 4, evidence: undefined };
  const json = Buffer.from("{}");
  const records = [{ chave: "1", hash: "0".repeat(32), referenciaData: undefined, json }];
  for (const writer of writers) {
    await writer.push({ ...empty, records });
    for (let page = 0; page < 5; page++) await writer.push(empty);
  }
  // What one object waits for must not keep the others from asking the database anything.
  expect((await small.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  await blocker.query("rollback");
  blocker.release();
  for (const writer of writers) await writer.close();
  await small.end();
});
