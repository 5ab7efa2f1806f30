import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { findObject } from "../../extract/catalogue.ts";
import { startLoad } from "../../extract/load-record.ts";
import { openPageWriter } from "../../extract/page-writer.ts";
import { toLandingRecords } from "../../extract/record.ts";
import { closeScan, openScan, seenKeys } from "../../extract/scan-record.ts";
import { startRun } from "../../runner/run-record.ts";
import { createTestDatabase } from "../postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;

test("pages written side by side leave the versions of each key in the order of the pages", async () => {
  const object = findObject("reservas");
  if (object === undefined) throw new Error("no reservas");
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
        const { records } = toLandingRecords(object, {
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
