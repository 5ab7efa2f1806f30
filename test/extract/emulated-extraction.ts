import { isDeepStrictEqual } from "node:util";
import type { Pool } from "pg";
import { type Account, createAccount } from "../../emulator/account.ts";
import type { CvdwRecord } from "../../emulator/record.ts";
import { createBudget, type RateLimit } from "../../extract/budget.ts";
import { type CvdwObject, findObject } from "../../extract/catalogue.ts";
import { createCvdwClient } from "../../extract/cvdw.ts";
import type { ExtractEvent, ScanResult } from "../../extract/events.ts";
import { extractObjects } from "../../extract/extract.ts";
import { credentialsRefused } from "../../extract/give-up.ts";
import { everyPage, type ScanOptions } from "../../extract/scan-options.ts";
import { exitCodes } from "../../runner/command.ts";
import { reportExtraction } from "../../runner/extraction-report.ts";
import { createReporter } from "../../runner/reporter.ts";
import { startRun } from "../../runner/run-record.ts";

/** An account of the emulated source with a clock that only moves when it is told to. */
export type EmulatedAccount = {
  readonly account: Account;
  readonly now: () => Date;
  readonly letPass: (minutes: number) => void;
};

/** How an extraction went, and what a person sees of it. */
export type Extracted = {
  readonly results: readonly ScanResult[];
  readonly events: readonly ExtractEvent[];
  /** Every wait that was asked for, in milliseconds; none was waited. */
  readonly waits: readonly number[];
  readonly exitCode: number;
  /** On stderr when the exit code is not 0. */
  readonly sentence: string;
};

/** How landing differs from the source, in records. */
export type Difference = {
  /** Of the source, but absent from landing or landed with another value. */
  readonly lost: number;
  /** Landed live more than once, or with more versions than the source had. */
  readonly doubled: number;
  /** Landed live although the source does not have them. */
  readonly strange: number;
};

export const noDifference: Difference = { lost: 0, doubled: 0, strange: 0 };

const MIDDAY = Date.parse("2026-03-01T15:00:00Z");

/** An account whose clock stands at midday of 1 March 2026. */
export function emulatedAccount(
  conta: string,
  objects: { readonly [object: string]: readonly CvdwRecord[] },
): EmulatedAccount {
  let at = MIDDAY;
  const now = () => new Date(at);
  return {
    account: createAccount({ conta, email: `${conta}@example.com`, objects, now }),
    now,
    letPass: (minutes) => {
      at += minutes * 60_000;
    },
  };
}

/** The object of that name. Throws on one that the catalogue does not have. */
export function objectNamed(name: string): CvdwObject {
  const object = findObject(name);
  if (object === undefined) throw new Error(`the catalogue has no ${name}`);
  return object;
}

/**
 * Extracts objects of an emulated account without ever waiting: a pause moves the account's block
 * into the past instead.
 */
export async function extractEmulated(
  pool: Pool,
  source: EmulatedAccount & { readonly url: string },
  objects: readonly string[],
  options: Partial<ScanOptions> & {
    readonly timeoutMs?: number;
    /** Never reached, but an answer that takes longer than a request's share begins another object. */
    readonly limit?: RateLimit;
    /** Takes the time that a pause would; the signal ends the run. */
    readonly pause?: (stop: AbortSignal) => Promise<unknown>;
    readonly onEvent?: (event: ExtractEvent) => void;
  },
): Promise<Extracted> {
  const { conta, email, token } = source.account;
  const { timeoutMs, limit, pause, onEvent, ...scanOptions } = options;
  const client = createCvdwClient(
    { conta, baseUrl: source.url, email, token },
    timeoutMs === undefined ? {} : { timeoutMs },
  );
  const events: ExtractEvent[] = [];
  const waits: number[] = [];
  const stop = new AbortController();
  const sleep = async (ms: number): Promise<void> => {
    waits.push(ms);
    await pause?.(stop.signal);
    await pool.query(
      `update elt.accounts set blocked_until = blocked_until - make_interval(secs => $1)
       where conta = $2`,
      [ms / 1000, conta],
    );
  };
  try {
    const results = await extractObjects(
      {
        client,
        budget: createBudget({
          database: pool,
          conta,
          limit: limit ?? { requests: 100_000, windowMs: 1_000 },
          sleep,
          onWait: () => undefined,
        }),
        emit: (event) => {
          events.push(event);
          onEvent?.(event);
        },
        sleep,
        random: () => 0.5,
        database: pool,
        runId: await startRun(pool, { command: "test", conta }),
        options: { ...everyPage, ...scanOptions },
        now: source.now,
        stop,
      },
      objects.map(objectNamed),
    );
    return { results, events, waits, ...reported(results) };
  } finally {
    await client.close();
  }
}

function reported(results: readonly ScanResult[]): Pick<Extracted, "exitCode" | "sentence"> {
  const nowhere = { write: () => true };
  const reporter = createReporter({
    out: nowhere,
    err: nowhere,
    json: true,
    now: () => new Date(),
  });
  const outcome = reportExtraction(results, reporter);
  const exitCode = credentialsRefused(results) ? exitCodes.configuration : outcome.exitCode;
  return { exitCode, sentence: outcome.error ?? "" };
}

/** Compares the live records of landing with those of the source, key by key and value by value. */
export async function compareWithSource(
  pool: Pool,
  account: Account,
  object: string,
  { versionsOfKey = 1 }: { readonly versionsOfKey?: number } = {},
): Promise<Difference> {
  const { rows } = await pool.query<{ chave: string; payload: unknown; versions: number }>(
    `select
       live.chave,
       live.payload,
       (select count(*)::int from landing."${object}" as version
        where version.conta = live.conta and version.chave = live.chave) as versions
     from landing."${object}_atual" as live
     where live.conta = $1`,
    [account.conta],
  );
  const landed = new Map(rows.map(({ chave, payload }) => [chave, payload]));
  const { key } = objectNamed(object);
  let lost = 0;
  const known = new Set<string>();
  for (const record of account.records(object)) {
    const chave = key.map((field) => String(record[field])).join("|");
    known.add(chave);
    if (!isDeepStrictEqual(landed.get(chave), record)) lost++;
  }
  const tooManyVersions = rows.filter(({ versions }) => versions > versionsOfKey).length;
  return {
    lost,
    doubled: rows.length - landed.size + tooManyVersions,
    strange: [...landed.keys()].filter((chave) => !known.has(chave)).length,
  };
}

/** Scans of an account that another run would go on with, and tables of keys that nobody needs. */
export async function leftovers(pool: Pool, conta: string): Promise<readonly string[]> {
  const { rows } = await pool.query<{ left: string }>(
    `select format('scan %s of %s', scan_id, objeto) as left from elt.scans where conta = $1
     union all
     select format('table %s', relname) from pg_class
     where relname ~ '^scan_keys_\\d+$'
       and substr(relname, 11)::bigint not in (select scan_id from elt.scans)
     union all
     select format('running load of %s', objeto) from elt.loads
     where conta = $1 and verdict = 'running'`,
    [conta],
  );
  return rows.map(({ left }) => left);
}
