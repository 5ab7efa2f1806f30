import type { Pool } from "pg";
import { generateAccount } from "../emulator/generate-account.ts";
import { type CvdwObject, findObject } from "../extract/catalogue.ts";
import { copyChunks, copyColumns, encodeRows, SIGNATURE, TRAILER } from "../extract/copy-binary.ts";
import { landingState, startLoad } from "../extract/load-record.ts";
import { slicePage } from "../extract/page.ts";
import { openPageWriter } from "../extract/page-writer.ts";
import { type PageRecords, toLandingRecords, wantedFields } from "../extract/record.ts";
import { closeScan, openScan, seenKeys } from "../extract/scan-record.ts";
import { startRun } from "../runner/run-record.ts";
import { withBenchDatabase } from "./database.ts";
import { median, print, rate, timed } from "./report.ts";

const ROUNDS = 5;
const PAGE_SIZE = 500;

/**
 * Pages as they come off the wire → `landing`, against a binary COPY of the same records, prepared
 * beforehand, into an identical table with its indexes: what `psql \copy … (format binary)` does.
 * Reading them again unchanged, against an upsert of the same records through a temporary table.
 */
export async function benchLanding([records = 100_000]: readonly number[]): Promise<void> {
  const object = reservas();
  const bodies = pageBodies(records);
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
  print(
    `landing: ${records} reservas, ${Math.round(bytes / records)} bytes each, ${ROUNDS} rounds`,
  );
  await withBenchDatabase(async ({ pool }) => {
    const runId = await startRun(pool, { command: "bench", conta: "bench" });
    await pool.query("select landing.create_object('prepared'), landing.create_object('reservas')");
    await pool.query(
      "create table landing.upserted (conta text, chave text, payload jsonb, primary key (conta, chave))",
    );
    const prepared = bodies.map((body) => encode(recordsOf(object, body)));
    const times = {
      copy: [] as number[],
      land: [] as number[],
      again: [] as number[],
      upsert: [] as number[],
    };
    for (let round = 0; round <= ROUNDS; round++) {
      await pool.query("truncate landing.prepared, landing.reservas, landing.upserted");
      await pool.query("checkpoint");
      const copy = await timed(() => copyPrepared(pool, prepared));
      await pool.query("checkpoint");
      const land = await timed(() => landPages(pool, runId, object, bodies));
      const again = await timed(() => landPages(pool, runId, object, bodies));
      await upsert(pool, prepared);
      await pool.query("checkpoint");
      const upserted = await timed(() => upsert(pool, prepared));
      if (round === 0) continue;
      times.copy.push(copy);
      times.land.push(land);
      times.again.push(again);
      times.upsert.push(upserted);
    }
    const copy = median(times.copy);
    const land = median(times.land);
    const again = median(times.again);
    print(`  prepared binary COPY   ${rate(records, copy)} rows/s   1.00`);
    print(
      `  landing, first load    ${rate(records, land)} rows/s   ${ratio(times.copy, times.land)}`,
    );
    print(
      `  landing, no change     ${rate(records, again)} rows/s   ${ratio(times.copy, times.again)}   ${ratio(times.land, times.again)} × first load`,
    );
    const upserted = median(times.upsert);
    print(
      `  upsert, no change      ${rate(records, upserted)} rows/s   ${ratio(times.copy, times.upsert)}   landing is ${ratio(times.upsert, times.again)} × as fast`,
    );
  });
}

/** Each round compares runs that lie side by side, so a machine that slows down slows both. */
function ratio(baseline: readonly number[], measured: readonly number[]): string {
  return median(baseline.map((ms, round) => ms / (measured[round] ?? Number.NaN))).toFixed(2);
}

async function landPages(
  pool: Pool,
  runId: bigint,
  object: CvdwObject,
  bodies: readonly Buffer[],
): Promise<void> {
  const load = await startLoad(pool, {
    runId,
    conta: "bench",
    object: object.name,
    mode: "full",
    since: undefined,
    until: undefined,
  });
  const range = { conta: "bench", object: object.name, mode: "full" } as const;
  const ends = { since: undefined, until: undefined, startedAt: new Date() };
  const scan = await openScan(pool, { ...range, ...ends });
  const { empty } = await landingState(pool, load);
  load.scanId = scan.scanId;
  load.seenKeys = seenKeys(scan, { coverLanding: empty });
  const writer = await openPageWriter(pool, load, { beside: "nobody" });
  try {
    for (const [index, body] of bodies.entries()) {
      const place = { page: index + 1, pageSize: PAGE_SIZE };
      const page = recordsOf(object, body);
      const evidence = {
        ordinal: index,
        page: index + 1,
        size: PAGE_SIZE,
        records: page.records.length,
        total: 0,
        newest: undefined,
      };
      await writer.push({ ...page, ...place, evidence });
    }
    await writer.finish(undefined, (client) => closeScan(client, scan.scanId));
  } finally {
    await writer.close();
  }
}

/** What a loader without versions does: COPY into a temporary table, then upsert what differs. */
async function upsert(pool: Pool, prepared: readonly Buffer[]): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query(
      "create temporary table incoming (like landing.prepared including defaults) on commit drop",
    );
    await copyChunks(
      client,
      `copy incoming (${copyColumns.join(", ")}) from stdin (format binary)`,
      [SIGNATURE, ...prepared, TRAILER].map((chunk) => () => chunk),
    );
    await client.query(
      `insert into landing.upserted as kept (conta, chave, payload)
       select conta, chave, payload from incoming
       on conflict (conta, chave) do update set payload = excluded.payload
       where kept.payload is distinct from excluded.payload`,
    );
    await client.query("commit");
  } finally {
    client.release();
  }
}

async function copyPrepared(pool: Pool, prepared: readonly Buffer[]): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    const statement = `copy landing.prepared (${copyColumns.join(", ")}) from stdin (format binary)`;
    await copyChunks(
      client,
      statement,
      [SIGNATURE, ...prepared, TRAILER].map((chunk) => () => chunk),
    );
    await client.query("commit");
  } finally {
    client.release();
  }
}

function encode({ records }: PageRecords): Buffer {
  const load = { conta: "bench", loadId: 1n };
  return encodeRows(
    load,
    records.map((record, index) => ({ record, seq: BigInt(index + 1) })),
  );
}

function recordsOf(object: CvdwObject, body: Buffer): PageRecords {
  return toLandingRecords(object, slicePage(body, wantedFields(object)));
}

function pageBodies(records: number): readonly Buffer[] {
  const account = generateAccount({ conta: "bench", seed: 1, reservas: records });
  const bodies: Buffer[] = [];
  for (let start = 0; start < records; start += PAGE_SIZE) {
    const { rows } = account.page("reservas", {}, start, start + PAGE_SIZE);
    const head = `{"pagina":${start / PAGE_SIZE + 1},"registros":${PAGE_SIZE},"total_de_registros":${records},"total_de_paginas":${Math.ceil(records / PAGE_SIZE)},"dados":[`;
    bodies.push(Buffer.from(`${head}${rows.join(",")}]}`));
  }
  return bodies;
}

function reservas(): CvdwObject {
  const object = findObject("reservas");
  if (object === undefined) throw new Error("the catalogue has no reservas");
  return object;
}
