import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { request } from "undici";
import { createBudget } from "../extract/budget.ts";
import { findObject } from "../extract/catalogue.ts";
import { createCvdwClient } from "../extract/cvdw.ts";
import { extractObjects } from "../extract/extract.ts";
import { everyPage } from "../extract/scan-options.ts";
import { projectRoot } from "../runner/building.ts";
import { startRun } from "../runner/run-record.ts";
import { withBenchDatabase } from "./database.ts";
import { print, rate, timed } from "./report.ts";

const PAGE_SIZE = 500;
const SAMPLE_EVERY_MS = 100;

/**
 * HTTP to landed: the emulator in a process of its own, reservas read whole. The baseline is the
 * same pages read and thrown away. Resident memory is this process's, so the sizes can be compared.
 */
export async function benchExtract(sizes: readonly number[]): Promise<void> {
  for (const records of sizes.length > 0 ? sizes : [50_000, 1_000_000]) {
    const emulator = await startEmulatorProcess(records);
    try {
      const readOnly = await timed(() => readEveryPage(emulator.url, records));
      await withBenchDatabase(async ({ pool }) => {
        const client = createCvdwClient({
          conta: "gerada",
          baseUrl: emulator.url,
          email: "gerada@example.com",
          token: "gerada-token",
        });
        const budget = createBudget({
          database: pool,
          conta: "gerada",
          limit: { requests: 1_000_000, windowMs: 1 },
          sleep: delay,
          onWait: () => undefined,
        });
        const object = findObject("reservas");
        if (object === undefined) throw new Error("the catalogue has no reservas");
        const context = {
          client,
          budget,
          emit: () => undefined,
          sleep: delay,
          random: Math.random,
          database: pool,
          runId: await startRun(pool, { command: "bench", conta: "gerada" }),
          options: { ...everyPage, pageSize: PAGE_SIZE },
          now: () => new Date(),
          stop: new AbortController(),
        };
        const memory = watchMemory();
        let verdict = "";
        const landed = await timed(async () => {
          const [result] = await extractObjects(context, [object]);
          verdict = `${result?.verdict}, ${result?.newVersions} versions`;
        });
        await client.close();
        print(`extract: ${records} reservas (${verdict})`);
        print(`  pages read only      ${rate(records, readOnly)} rows/s   1.00`);
        print(
          `  HTTP to landed       ${rate(records, landed)} rows/s   ${(readOnly / landed).toFixed(2)}`,
        );
        print(`  resident memory      ${memory.stop()} MB at most`);
      });
    } finally {
      emulator.process.kill();
      await once(emulator.process, "exit");
    }
  }
}

async function startEmulatorProcess(
  reservas: number,
): Promise<{ readonly url: string; readonly process: ChildProcess }> {
  const child = spawn(
    process.execPath,
    [
      "bin/elt.js",
      "emulator",
      "--port",
      "0",
      "--limit",
      "none",
      "--reservas",
      String(reservas),
      "--json",
    ],
    { cwd: path.resolve(projectRoot), stdio: ["ignore", "pipe", "inherit"] },
  );
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const { url } = JSON.parse(line) as { url: string };
  return { url, process: child };
}

async function readEveryPage(url: string, records: number): Promise<void> {
  const headers = { email: "gerada@example.com", token: "gerada-token" };
  for (let page = 1; page <= Math.ceil(records / PAGE_SIZE); page++) {
    const query = `pagina=${page}&registros_por_pagina=${PAGE_SIZE}`;
    const { body } = await request(`${url}/reservas?${query}`, { headers });
    await body.arrayBuffer();
  }
}

function watchMemory(): { readonly stop: () => number } {
  let most = 0;
  const sample = () => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  const timer = setInterval(sample, SAMPLE_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      sample();
      return Math.round(most / 1024 / 1024);
    },
  };
}
