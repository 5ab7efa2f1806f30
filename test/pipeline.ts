import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import type { Account } from "../emulator/account.ts";
import {
  type Emulator,
  type EmulatorOptions,
  type RequestLogEntry,
  startEmulator,
} from "../emulator/server.ts";
import { createBudget } from "../extract/budget.ts";
import { type CvdwObject, defaultObjects } from "../extract/catalogue.ts";
import { createCvdwClient } from "../extract/cvdw.ts";
import type { ScanResult } from "../extract/events.ts";
import { extractObjects } from "../extract/extract.ts";
import { everyPage, type ScanOptions } from "../extract/scan-options.ts";
import type { RunEvent } from "../runner/events.ts";
import { type BuildResult, buildProject } from "../runner/models/build.ts";
import { loadProject, type Project } from "../runner/models/project.ts";
import { startRun } from "../runner/run-record.ts";

/** Where this project's models/ and views/ are. */
export const projectRoot = path.dirname(import.meta.dirname);

export type PipelineOptions = {
  /** Default: what the marts need. */
  readonly objects?: readonly CvdwObject[];
  /** Default 500, the source's largest. */
  readonly pageSize?: number;
  /** How the run reads, e.g. `{ full: true }`. Default: what is new or changed, without limits. */
  readonly scan?: Partial<ScanOptions>;
  /** The models to build. Default: this project's. */
  readonly project?: Project;
  /** The run's clock: what the cursors are counted from. Default: the machine's. */
  readonly now?: () => Date;
  /** How the source behaves. Default: no rate limit, no faults. */
  readonly source?: Omit<EmulatorOptions, "accounts" | "now">;
  /** Called before anything is asked, to script faults. */
  readonly prepare?: (emulator: Emulator) => void;
};

/** What one extraction left. */
export type PipelineExtraction = {
  /** One result per object, by account. */
  readonly scans: ReadonlyMap<string, readonly ScanResult[]>;
  /** Every request that reached the source. */
  readonly requests: readonly RequestLogEntry[];
  readonly events: readonly RunEvent[];
};

export type PipelineResult = PipelineExtraction & { readonly build: BuildResult };

/** A database that is migrated; a `TestDatabase` is one. */
export type PipelineDatabase = { readonly pool: Pool };

/**
 * Account → landing → published marts, with every real part between them: an emulated source is
 * started for the call, each account is extracted over HTTP, then all models are built at once.
 * Called again on the same database, it extracts and builds what changed.
 *
 *     const { build } = await runPipeline(database, exemplo());
 *
 * @throws what extraction and building throw: ModelError, TestFailure, …
 */
export async function runPipeline(
  database: PipelineDatabase,
  accounts: Account | readonly Account[],
  options: PipelineOptions = {},
): Promise<PipelineResult> {
  const extraction = await extractAccounts(database, accounts, options);
  const { build, events } = await buildModels(database, options);
  return { ...extraction, build, events: [...extraction.events, ...events] };
}

/** The first half of `runPipeline`: account → landing. */
export async function extractAccounts(
  { pool }: PipelineDatabase,
  accounts: Account | readonly Account[],
  options: PipelineOptions = {},
): Promise<PipelineExtraction> {
  const { now = () => new Date(), objects = defaultObjects, pageSize = 500 } = options;
  const given: readonly Account[] = "conta" in accounts ? [accounts] : accounts;
  const emulator = await startEmulator({
    rateLimit: null,
    ...options.source,
    accounts: given,
    now,
  });
  const scans = new Map<string, readonly ScanResult[]>();
  const events: RunEvent[] = [];
  const emit = (event: RunEvent) => events.push(event);
  try {
    options.prepare?.(emulator);
    for (const { conta, email, token } of given) {
      const client = createCvdwClient({ conta, email, token, baseUrl: emulator.url });
      try {
        const budget = createBudget({
          database: pool,
          conta,
          limit: { requests: 1_000_000, windowMs: 1 },
          sleep: delay,
          onWait: ({ object, ms }) => emit({ type: "budget-wait", object, ms }),
        });
        const runId = await startRun(pool, { command: "extract", conta });
        const context = {
          client,
          budget,
          emit,
          sleep: delay,
          random: () => 0,
          database: pool,
          runId,
          options: { ...everyPage, pageSize, ...options.scan },
          now,
          stop: new AbortController(),
        };
        scans.set(conta, await extractObjects(context, objects));
      } finally {
        await client.close();
      }
    }
  } finally {
    await emulator.close();
  }
  return { scans, requests: emulator.requests, events };
}

/** The second half of `runPipeline`: landing → published marts. */
export async function buildModels(
  { pool }: PipelineDatabase,
  options: Pick<PipelineOptions, "project"> = {},
): Promise<{ readonly build: BuildResult; readonly events: readonly RunEvent[] }> {
  const project = options.project ?? (await loadProject(projectRoot));
  const events: RunEvent[] = [];
  const runId = await startRun(pool, { command: "build", conta: null });
  const build = await buildProject({ pool, runId, emit: (event) => events.push(event) }, project);
  return { build, events };
}
