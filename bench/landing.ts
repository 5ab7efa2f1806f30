import type { Pool } from "pg";
import { generateAccount } from "../emulator/generate-account.ts";
import { type CvdwObject, findObject } from "../extract/catalogue.ts";
import { copyChunks, copyColumns, encodeRows, SIGNATURE, TRAILER } from "../extract/copy-binary.ts";
import { startLoad } from "../extract/load-record.ts";
import { slicePage } from "../extract/page.ts";
import { openPageWriter } from "../extract/page-writer.ts";
import { type LandingRecord, toLandingRecord, wantedFields } from "../extract/record.ts";
import { startRun } from "../runner/run-record.ts";
import { withBenchDatabase } from "./database.ts";
import { median, print, rate, timed } from "./report.ts";

const ROUNDS = 5;
const PAGE_SIZE = 500;

/**
 * Pages as they come off the wire → `landing`, against a binary COPY of the same records, prepared
 * beforehand, into an identical table with its indexes: what `psql \copy … (format binary)` does.
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
    const prepared = bodies.map((body) => encode(recordsOf(object, body)));
    const times = { copy: [] as number[], land: [] as number[], again: [] as number[] };
    for (let round = 0; round <= ROUNDS; round++) {
      await pool.query("truncate landing.prepared, landing.reservas");
      await pool.query("checkpoint");
      const copy = await timed(() => copyPrepared(pool, prepared));
      await pool.query("checkpoint");
      const land = await timed(() => landPages(pool, runId, object, bodies));
      const again = await timed(() => landPages(pool, runId, object, bodies));
      if (round === 0) continue;
      times.copy.push(copy);
      times.land.push(land);
      times.again.push(again);
    }
    const copy = median(times.copy);
    const land = median(times.land);
    const again = median(times.again);
    print(`  prepared binary COPY   ${rate(records, copy)} rows/s   1.00`);
    print(
      `  landing, first load    ${rate(records, land)} rows/s   ${ratio(times.copy, times.land)}`,
    );
    print(
      `  landing, no change     ${rate(records, again)} rows/s   ${ratio(times.copy, times.again)}`,
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
    since: null,
  });
  const writer = await openPageWriter(pool, load);
  try {
    for (const [index, body] of bodies.entries()) {
      await writer.push(index + 1, recordsOf(object, body));
    }
    await writer.finish(async () => undefined);
  } finally {
    await writer.close();
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

function encode(records: readonly LandingRecord[]): Buffer {
  const load = { conta: "bench", loadId: 1n };
  return encodeRows(
    load,
    records.map((record, index) => ({ record, seq: BigInt(index + 1) })),
  );
}

function recordsOf(object: CvdwObject, body: Buffer): readonly LandingRecord[] {
  return slicePage(body, wantedFields(object)).records.map((raw) => toLandingRecord(object, raw));
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
