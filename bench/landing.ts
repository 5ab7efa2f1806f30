import type { Pool } from "pg";
import { generateAccount } from "../emulator/generate-account.ts";
import { type CvdwObject, findObject } from "../extract/catalogue.ts";
import { copyColumns, copyIn, encodeRows } from "../extract/copy-binary.ts";
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
export async function benchLanding([records = 50_000]: readonly number[]): Promise<void> {
  const object = reservas();
  const bodies = pageBodies(records);
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
  print(
    `landing: ${records} reservas, ${Math.round(bytes / records)} bytes each, ${ROUNDS} rounds`,
  );
  await withBenchDatabase(async ({ pool }) => {
    const runId = await startRun(pool, { command: "bench", conta: "bench" });
    const loadId = await startLoad(pool, {
      runId,
      conta: "bench",
      object: object.name,
      mode: "full",
      since: null,
    });
    await pool.query("select landing.create_object('prepared')");
    const prepared = bodies.map((body) => encode(loadId, recordsOf(object, body)));
    const times = { copy: [] as number[], land: [] as number[], again: [] as number[] };
    for (let round = 0; round <= ROUNDS; round++) {
      await pool.query("truncate landing.prepared, landing.reservas");
      await pool.query("checkpoint");
      const copy = await timed(() => copyPrepared(pool, prepared));
      await pool.query("checkpoint");
      const land = await timed(() => landPages(pool, object, loadId, bodies));
      const again = await timed(() => landPages(pool, object, loadId, bodies));
      if (round === 0) continue;
      times.copy.push(copy);
      times.land.push(land);
      times.again.push(again);
    }
    const copy = median(times.copy);
    const land = median(times.land);
    const again = median(times.again);
    print(`  prepared binary COPY   ${rate(records, copy)} rows/s   1.00`);
    print(`  landing, first load    ${rate(records, land)} rows/s   ${(copy / land).toFixed(2)}`);
    print(`  landing, no change     ${rate(records, again)} rows/s   ${(copy / again).toFixed(2)}`);
  });
}

async function landPages(
  pool: Pool,
  object: CvdwObject,
  loadId: bigint,
  bodies: readonly Buffer[],
): Promise<void> {
  const load = { conta: "bench", object: object.name, loadId, nextSeq: 1n };
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
    await copyIn(client, statement, Buffer.concat(withoutSeams(prepared)));
    await client.query("commit");
  } finally {
    client.release();
  }
}

/** One stream out of many: header of the first, trailer of the last. */
function withoutSeams(prepared: readonly Buffer[]): Buffer[] {
  const headerBytes = 19;
  const trailerBytes = 2;
  return prepared.map((buffer, index) =>
    buffer.subarray(
      index === 0 ? 0 : headerBytes,
      index === prepared.length - 1 ? buffer.length : buffer.length - trailerBytes,
    ),
  );
}

function encode(loadId: bigint, records: readonly LandingRecord[]): Buffer {
  const load = { conta: "bench", loadId };
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
