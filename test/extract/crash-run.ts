import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { Emulator } from "../../emulator/server.ts";
import type { ExtractEvent, ScanResult } from "../../extract/events.ts";
import { extractionLock } from "../../extract/extract.ts";
import { resumedPass } from "../../extract/pass.ts";
import { everyPage } from "../../extract/scan-options.ts";
import { projectRoot } from "../../runner/building.ts";
import { runExtraction } from "../../runner/extraction.ts";
import { startRun } from "../../runner/run-record.ts";
import type { TestDatabase } from "../postgres.ts";
import { type EmulatedAccount, emulatedAccount, objectNamed } from "./emulated-extraction.ts";
import { numberedRecord, type StruckObject } from "./fault-cases.ts";

/** Where the runs of a test take place. */
export type Place = { readonly database: TestDatabase; readonly emulator: Emulator };

/** When a run is ended: so long after the nth of its requests arrived at the source. */
export type Strike = { readonly request: number; readonly ms: number };

export type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly err: string;
};

/** An account with records of one object. */
export function accountOf(conta: string, object: StruckObject, records: number): EmulatedAccount {
  return emulatedAccount(conta, {
    [object]: Array.from({ length: records }, (_, i) =>
      numberedRecord(object, i + 1, "2026-01-10"),
    ),
  });
}

/** Runs `elt extract` in a process of its own, and calls `strike` when its moment has come. */
export async function extractUntil(
  { database, emulator }: Place,
  { account }: EmulatedAccount,
  run: { readonly object: StruckObject; readonly pageSize: number; readonly strike: Strike },
  strike: (kill: () => void) => void,
): Promise<Ended> {
  const { conta, email, token } = account;
  const child = spawn(
    process.execPath,
    ["bin/elt.js", "extract", run.object, "--page-size", String(run.pageSize)],
    {
      cwd: projectRoot,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        DATABASE_URL: database.url,
        CVCRM_ACCOUNT: conta,
        CVCRM_API_EMAIL: email,
        CVCRM_API_TOKEN: token,
        CVCRM_API_URL: emulator.url,
        CVCRM_RATE_LIMIT: "100000/1s",
      },
    },
  );
  const { request, ms } = run.strike;
  const endHook = emulator.fault({
    conta,
    call: request,
    kind: () => setTimeout(() => strike(() => child.kill("SIGKILL")), ms),
  });
  child.stdout.resume();
  const [err, [code, signal]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  endHook();
  return { code, signal, err };
}

/** Waits until the server has noticed that the process is gone. */
export async function untilUnlocked({ database }: Place, conta: string): Promise<void> {
  const client = await database.pool.connect();
  try {
    await client.query("select pg_advisory_lock(hashtextextended($1, 0))", [extractionLock(conta)]);
    await client.query("select pg_advisory_unlock_all()");
  } finally {
    client.release();
  }
}

/** Another run, in this process, and the requests that it made. */
export async function extractOnce(
  { database, emulator }: Place,
  { account }: EmulatedAccount,
  { object, pageSize }: { readonly object: StruckObject; readonly pageSize: number },
): Promise<{ readonly result: ScanResult | undefined; readonly requests: number }> {
  const { conta, email, token } = account;
  const before = emulator.requests.length;
  const runId = await startRun(database.pool, { command: "test", conta });
  const rateLimit = { requests: 100_000, windowMs: 1_000 };
  const results = await runExtraction(
    { pool: database.pool, runId },
    {
      source: { conta, email, token, url: emulator.url, rateLimit },
      objects: [objectNamed(object)],
      options: { ...everyPage, pageSize },
    },
    (_: ExtractEvent | { readonly type: string }) => undefined,
  );
  const requests = emulator.requests.slice(before).filter((entry) => entry.conta === conta).length;
  return { result: results[0], requests };
}

/**
 * How many requests a scan still needs, by what is landed of it: its pages from where it stopped, and
 * one look at the end. Undefined when it had ended.
 */
export async function requestsLeft(
  { database }: Place,
  conta: string,
  { records, pageSize }: { readonly records: number; readonly pageSize: number },
): Promise<number | undefined> {
  const whole = 1 + Math.ceil(records / pageSize) + 1;
  const { rows: scans } = await database.pool.query<{ scan_id: string; ended: boolean }>(
    `select scan_id::text, false as ended from elt.scans where conta = $1
     union all
     select null, true from elt.cursors where conta = $1 and cursor_at is not null`,
    [conta],
  );
  if (scans.some(({ ended }) => ended)) return undefined;
  const [scan] = scans;
  if (scan === undefined) return whole;
  const { rows } = await database.pool.query<{
    ordinal: number;
    page: number;
    size: number;
    total: number;
  }>(
    `select ordinal, page, page_size as size, total::int
     from elt.scan_pages where scan_id = $1 order by ordinal`,
    [scan.scan_id],
  );
  const { pass, pages } = resumedPass(rows);
  return pages === 0 ? whole : Math.ceil(pass.unread / pageSize) + 1;
}
