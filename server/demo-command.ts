import path from "node:path";
import pg from "pg";
import { generateAccount } from "../emulator/generate-account.ts";
import { type Emulator, startEmulator } from "../emulator/server.ts";
import { defaultObjects } from "../extract/catalogue.ts";
import { everyPage } from "../extract/scan-options.ts";
import { projectRoot, runBuild } from "../runner/building.ts";
import { type Command, exitCodes, type Invocation } from "../runner/command.ts";
import { readServerConfig } from "../runner/config.ts";
import { type Database, openDatabase } from "../runner/database.ts";
import { runExtraction } from "../runner/extraction.ts";
import { reportExtraction } from "../runner/extraction-report.ts";
import { startEmbeddedPostgres } from "../runner/postgres/embedded.ts";
import { refuseInProduction } from "../runner/production.ts";
import { recorded } from "../runner/session.ts";
import { type RunningServer, startServer } from "./serve.ts";

export const command: Command = {
  help: `Usage: elt demo [--once]

Starts a PostgreSQL of its own below .data/, an emulated CVDW with made-up data, runs everything
once and serves the dashboard on PORT (default 5000). With --once it ends after showing the KPIs.
Each demo starts from an empty database.`,
  options: { once: { type: "boolean", default: false } },
  run,
};

const CONTA = "demo";
const RESERVAS = 3_000;
/** The real limit is 20 a minute; nobody wants to wait for a demo. */
const REQUESTS_PER_MINUTE = 6_000;

async function run(invocation: Invocation): Promise<number> {
  const { reporter, options, signal } = invocation;
  refuseInProduction(invocation.env, "demo");
  const config = readServerConfig({ ...invocation.env, HOST: "127.0.0.1" });
  const database = await openEmptyDatabase(reporter.say);
  const emulator = await startEmulator({
    accounts: [generateAccount({ conta: CONTA, seed: 7, reservas: RESERVAS })],
    rateLimit: { requests: REQUESTS_PER_MINUTE, windowMs: 60_000, blockMs: 60_000 },
  });
  try {
    const exitCode = await runOnce(invocation, database, emulator);
    const server = await serveOnFreePort(database, options.once ? 0 : config.port, reporter.say);
    invocation.onInterrupt(async () => {
      await server.close();
      await emulator.close();
      await database.close();
    });
    try {
      const kpis: unknown = await (await fetch(new URL("/api/kpis", server.url))).json();
      reporter.result(`\nGET /api/kpis\n${JSON.stringify(kpis, null, 2)}`, kpis);
      if (options.once) {
        reporter.say("Next: npm run demo for the dashboard, or fill in .env and npm run elt.");
        return exitCode;
      }
      reporter.result(`\nDashboard: ${server.url}\nCtrl-C ends it.`, { url: server.url });
      reporter.sayPrivately(
        `Database (its owner's login; the README shows how to make one for BI): ${database.url}`,
      );
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      return exitCodes.done;
    } finally {
      await server.close();
    }
  } finally {
    await emulator.close();
    await database.close();
  }
}

function runOnce(invocation: Invocation, { pool }: Database, emulator: Emulator): Promise<number> {
  const { reporter } = invocation;
  const source = {
    conta: CONTA,
    email: "demo@example.com",
    token: "demo-token",
    url: emulator.url,
    rateLimit: { requests: REQUESTS_PER_MINUTE, windowMs: 60_000 },
  };
  return recorded(invocation, pool, { command: "demo", conta: CONTA }, async (session) => {
    const extraction = { source, objects: defaultObjects, options: everyPage };
    const results = await runExtraction(session, extraction, reporter.event);
    await runBuild(session, reporter.event);
    return reportExtraction(results, reporter);
  });
}

/** The demo's own cluster, apart from the one that holds real data. */
async function openEmptyDatabase(log: (sentence: string) => void): Promise<Database> {
  const dataDir = path.join(projectRoot, ".data", "demo");
  const embedded = await startEmbeddedPostgres({ dataDir, log });
  const maintenance = new URL(embedded.url);
  const name = maintenance.pathname.slice(1);
  maintenance.pathname = "/postgres";
  const client = new pg.Client(maintenance.href);
  await client.connect();
  try {
    await client.query(`drop database if exists "${name}" with (force)`);
    await client.query(`create database "${name}"`);
  } finally {
    await client.end();
  }
  const database = await openDatabase(
    { kind: "embedded", dataDir },
    { applicationName: "elt demo", log },
  );
  await embedded.stop();
  return database;
}

/** The wanted port, or any free one when another program has it. */
async function serveOnFreePort(
  { pool }: Database,
  port: number,
  log: (sentence: string) => void,
): Promise<RunningServer> {
  const config = { host: "127.0.0.1", port, apiKeys: [] };
  try {
    return await startServer({ pool, config, log });
  } catch (error) {
    const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    if (!taken) throw error;
    log(`Port ${port} is taken, so another one is used. PORT chooses it.`);
    return startServer({ pool, config: { ...config, port: 0 }, log });
  }
}
