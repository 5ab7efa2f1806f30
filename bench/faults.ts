import type { Pool } from "pg";
import { Agent, request } from "undici";
import type { CvdwRecord } from "../emulator/record.ts";
import { type Emulator, startEmulator } from "../emulator/server.ts";
import {
  compareWithSource,
  type Difference,
  noDifference,
  objectNamed,
} from "../test/extract/emulated-extraction.ts";
import { type FaultCase, faultCases, struckObjects } from "../test/extract/fault-cases.ts";
import {
  companion,
  type FaultAccount,
  faultAccount,
  firstLoad,
  runCase,
  scriptFault,
} from "../test/extract/fault-run.ts";
import { withBenchDatabase } from "./database.ts";
import { print } from "./report.ts";

const CASES_AT_ONCE = 4;

/** What a reader made of a case: after the run that met the fault, and after a clean one. */
type Outcome = {
  readonly said: string;
  /** Of the run that met the fault, and of the clean one after it. */
  readonly requests: readonly [number, number];
  readonly after: Difference;
};

/** A case, with an account for each reader: what one asks for must not use up the other's fault. */
type Trial = {
  readonly cell: FaultCase;
  readonly ours: FaultAccount;
  readonly plain: FaultAccount;
};

/**
 * The fault matrix of `test/extract/fault-matrix.test.ts` as a table: what is lost and doubled after
 * the fault and one clean run, what the run said that met the fault, and how many requests both used.
 * Beside it a plain loop as public consumers write it: page 1 to the last, a page that fails is
 * skipped, records are upserted by key, and the next run begins at the newest date that arrived.
 */
export async function benchFaults(): Promise<void> {
  const trials = faultCases().map((cell) => ({
    cell,
    ours: faultAccount(cell),
    plain: faultAccount({ ...cell, conta: `${cell.conta}-plain` }),
  }));
  const emulator = await startEmulator({
    accounts: trials.flatMap(({ ours, plain }) => [ours.account, plain.account]),
    rateLimit: null,
  });
  try {
    await withBenchDatabase(async ({ pool }) => {
      await pool.query("select landing.create_object(name) from unnest($1::text[]) as name", [
        [...struckObjects, companion],
      ]);
      const waiting = [...trials];
      const lines = new Map<Trial, string>();
      const totals = { ours: { lost: 0, doubled: 0 }, plain: { lost: 0, cases: 0 } };
      await Promise.all(
        Array.from({ length: CASES_AT_ONCE }, async () => {
          for (let trial = waiting.shift(); trial !== undefined; trial = waiting.shift()) {
            const ours = await runOurs(pool, emulator, trial);
            const plain = await runPlain(emulator, trial);
            lines.set(trial, lineOf(trial.cell, ours, plain));
            totals.ours.lost += ours.after.lost;
            totals.ours.doubled += ours.after.doubled;
            totals.plain.lost += plain.after.lost;
            totals.plain.cases += plain.after.lost > 0 ? 1 : 0;
          }
        }),
      );
      print(row(["faults", "elt extract", "", "", "", "plain loop", "", ""]));
      const names = ["object, fault, page, how often", "verdict", "lost", "doubled", "requests"];
      print(row([...names, "said", "lost", "requests"]));
      for (const trial of trials) print(lines.get(trial) ?? "");
      const { ours, plain } = totals;
      print(`${trials.length} cases`);
      print(`  elt extract  ${ours.lost} records lost, ${ours.doubled} doubled`);
      print(`  plain loop   ${plain.lost} records lost in ${plain.cases} cases`);
    });
  } finally {
    await emulator.close();
  }
}

function lineOf(cell: FaultCase, ours: Outcome, plain: Outcome): string {
  const { object, fault, place, repetition } = cell;
  return row([
    `${object}, ${fault.name}, ${place}, ${repetition}`,
    ours.said,
    `${ours.after.lost}`,
    `${ours.after.doubled}`,
    ours.requests.join(" + "),
    plain.said,
    `${plain.after.lost}`,
    plain.requests.join(" + "),
  ]);
}

const WIDTHS = [60, 18, 5, 8, 10, 12, 5, 10];

function row(cells: readonly string[]): string {
  return cells
    .map((cell, nth) => cell.padEnd(WIDTHS[nth] ?? 0))
    .join(" ")
    .trimEnd();
}

async function runOurs(pool: Pool, emulator: Emulator, { cell, ours }: Trial): Promise<Outcome> {
  const source = { ...ours, url: emulator.url };
  await ours.prepare(() => firstLoad(pool, source, cell));
  const count = counter(emulator, cell, ours);
  const endFault = scriptFault(emulator, cell);
  const { results, exitCode } = await runCase(pool, source, cell);
  endFault();
  const during = count();
  await runCase(pool, source, cell);
  return {
    said: `${results[0]?.verdict}, exit ${exitCode}`,
    requests: [during, count()],
    after: await compareWithSource(pool, ours.account, cell.object),
  };
}

async function runPlain(emulator: Emulator, { cell, plain }: Trial): Promise<Outcome> {
  const landed = new Map<string, CvdwRecord>();
  const read = () => readPlainly(emulator.url, plain, cell, landed);
  await plain.prepare(read);
  const count = counter(emulator, cell, plain);
  const endFault = scriptFault(emulator, { ...cell, conta: plain.account.conta });
  await read();
  endFault();
  const during = count();
  await read();
  const records = [...plain.account.records(cell.object)];
  const lost = records.filter((record) => !landed.has(keyOf(cell, record))).length;
  return {
    said: "done, exit 0",
    requests: [during, count()],
    after: { ...noDifference, lost },
  };
}

/** Counts the requests for the struck object since it was asked the last time. */
function counter(
  emulator: Emulator,
  { object }: FaultCase,
  { account }: FaultAccount,
): () => number {
  const { path } = objectNamed(object);
  let from = emulator.requests.length;
  return () => {
    const calls = emulator.requests
      .slice(from)
      .filter((call) => call.conta === account.conta && call.path === path);
    from = emulator.requests.length;
    return calls.length;
  };
}

function keyOf({ object }: FaultCase, record: CvdwRecord): string {
  return objectNamed(object)
    .key.map((field) => String(record[field]))
    .join("|");
}

/** Page after page; what does not look like a page is skipped, and without page 1 there are none. */
async function readPlainly(
  url: string,
  { account }: FaultAccount,
  cell: FaultCase,
  landed: Map<string, CvdwRecord>,
): Promise<void> {
  const { fault, object } = cell;
  const dispatcher = new Agent({ headersTimeout: fault.timeoutMs ?? 10_000 });
  const { email, token } = account;
  const newest = [...landed.values()]
    .map((record) => String(record.referencia_data))
    .sort()
    .at(-1);
  const since = newest === undefined ? "" : `&a_partir_data_referencia=${encodeURI(newest)}`;
  let pages = 1;
  for (let page = 1; page <= pages; page++) {
    const query = `pagina=${page}&registros_por_pagina=${fault.pageSize}${since}`;
    const envelope = await request(`${url}${objectNamed(object).path}?${query}`, {
      dispatcher,
      headers: { email, token },
    })
      .then(
        ({ body }) => body.json() as Promise<{ total_de_paginas?: number; dados?: CvdwRecord[] }>,
      )
      .catch(() => undefined);
    pages = Math.max(pages, envelope?.total_de_paginas ?? 1);
    for (const record of envelope?.dados ?? []) landed.set(keyOf(cell, record), record);
  }
  await dispatcher.destroy();
}
