import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";
import { type Account, createAccount } from "../emulator/account.ts";
import { type RequestLogEntry, startEmulator } from "../emulator/server.ts";
import { catalogue } from "../extract/catalogue.ts";
import { projectRoot } from "../runner/building.ts";
import { withBenchDatabase } from "./database.ts";
import { print } from "./report.ts";

const REQUESTS_PER_WINDOW = 20;
const PAGE_SIZE = 4;
const SLOW_MS = 600;

/** A source with so many records of each object, that takes so long to answer. */
type Trial = {
  readonly title: string;
  readonly objects: readonly string[];
  readonly records: number;
  readonly answerMs: number;
  readonly windowMs: number;
  /** Arguments of each process that reads the account, all at the same time. */
  readonly processes: readonly (readonly string[])[];
};

/**
 * How long the requests of whole loads take beside the least that the limit allows: from the first to
 * the last one that the source saw. Two processes at a source that answers at once, then one process
 * with ten objects at a slow one. The baseline is a loop that asks for page after page and pauses
 * for its share of the window between two calls.
 *
 * A source that is slow to answer may have counted a request up to a quarter of a second after it
 * left, so a slot of the window is used that much later: of 2 s that is an eighth. Hence the same
 * trial with a longer window, which comes closer to the 60 s of CVDW. An object's pages are asked for
 * one after the other and eight objects are read at once, so the last two are read alone in the end:
 * that costs a few seconds once, however long the load.
 */
export async function benchBudget([windowMs = 2_000]: readonly number[]): Promise<void> {
  const tenObjects = catalogue
    .filter(({ key }) => key.length === 1)
    .slice(0, 10)
    .map(({ name }) => name);
  const slow = {
    objects: tenObjects,
    records: 40,
    answerMs: SLOW_MS,
    processes: [tenObjects],
  };
  const trials: readonly Trial[] = [
    {
      title: "two processes, answers at once",
      objects: ["reservas", "repasses"],
      records: 420,
      answerMs: 0,
      windowMs,
      processes: [["reservas"], ["repasses", "--since", "2026-01-01"]],
    },
    { title: `ten objects, answers after ${SLOW_MS} ms`, ...slow, windowMs },
    { title: `ten objects, answers after ${SLOW_MS} ms`, ...slow, windowMs: windowMs * 5 },
  ];
  for (const trial of trials) {
    const { title, windowMs: window } = trial;
    print(`budget: ${title}, ${REQUESTS_PER_WINDOW} requests in ${window / 1000} s`);
    printTrial("elt extract", trial, await runTrial(trial, extractAll));
    printTrial("one by one, evenly", trial, await runTrial(trial, readEvenly));
  }
}

/** What the source saw, and what it would have taken at the least. */
function printTrial(who: string, trial: Trial, calls: readonly RequestLogEntry[]): void {
  const { windowMs, answerMs } = trial;
  const instants = calls.map(({ at }) => at.getTime()).sort((a, b) => a - b);
  const tookMs = (instants.at(-1) ?? 0) - (instants[0] ?? 0) + answerMs;
  const leastMs = (Math.ceil(calls.length / REQUESTS_PER_WINDOW) - 1) * windowMs + answerMs;
  const most = Math.max(
    ...instants.map(
      (end, i) => instants.slice(0, i + 1).filter((at) => at > end - windowMs).length,
    ),
  );
  const refused = calls.filter(({ status }) => status === 429).length;
  print(
    `  ${who.padEnd(20)} ${String(calls.length).padStart(4)} requests, ${seconds(tookMs)} of at least ${seconds(leastMs)} = ${(tookMs / leastMs).toFixed(3)}; at most ${most} in a window, ${refused} refused`,
  );
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Runs a reader of an account against a source of its own and gives the calls that this saw. */
async function runTrial(
  trial: Trial,
  read: (trial: Trial, account: Account, url: string) => Promise<void>,
): Promise<readonly RequestLogEntry[]> {
  const account = createAccount({
    conta: "bench",
    email: "bench@example.com",
    objects: Object.fromEntries(trial.objects.map((name) => [name, recordsOf(name, trial)])),
  });
  const { windowMs } = trial;
  const emulator = await startEmulator({
    accounts: [account],
    rateLimit: { requests: REQUESTS_PER_WINDOW, windowMs, blockMs: windowMs, strict: true },
    delayMs: trial.answerMs,
  });
  try {
    await read(trial, account, emulator.url);
  } finally {
    await emulator.close();
  }
  return emulator.requests;
}

function recordsOf(name: string, { records }: Trial) {
  const key = catalogue.find((object) => object.name === name)?.key[0] ?? "referencia";
  return Array.from({ length: records }, (_, nth) => {
    const date = new Date(Date.UTC(2026, 0, 1, nth)).toISOString().slice(0, 19).replace("T", " ");
    return { [key]: nth + 1, referencia_data: date, data_cad: date };
  });
}

async function extractAll(trial: Trial, account: Account, url: string): Promise<void> {
  await withBenchDatabase(async (database) => {
    const env = {
      ...process.env,
      DATABASE_URL: database.url,
      CVCRM_ACCOUNT: account.conta,
      CVCRM_API_EMAIL: account.email,
      CVCRM_API_TOKEN: account.token,
      CVCRM_API_URL: url,
      CVCRM_RATE_LIMIT: `${REQUESTS_PER_WINDOW}/${trial.windowMs / 1000}s`,
    };
    const children = trial.processes.map((args) =>
      spawn(process.execPath, ["bin/elt.js", "extract", ...args, "--page-size", `${PAGE_SIZE}`], {
        cwd: projectRoot,
        env,
        stdio: ["ignore", "ignore", "inherit"],
      }),
    );
    await Promise.all(children.map(succeeded));
  });
}

async function succeeded(child: ChildProcess): Promise<void> {
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`elt extract ended with ${code}`);
}

/** The same number of pages, as a loop with a pause reads them. */
async function readEvenly(trial: Trial, account: Account, url: string): Promise<void> {
  const { email, token } = account;
  const dispatcher = new Agent();
  for (const name of trial.objects) {
    const path = catalogue.find((object) => object.name === name)?.path ?? "";
    for (let page = 1; page <= trial.records / PAGE_SIZE + 2; page++) {
      const { body } = await request(
        `${url}${path}?pagina=${page}&registros_por_pagina=${PAGE_SIZE}`,
        { dispatcher, headers: { email, token } },
      );
      await body.dump();
      await delay(trial.windowMs / REQUESTS_PER_WINDOW);
    }
  }
  await dispatcher.close();
}
