import type { Pool } from "pg";
import { defaultObjects } from "../extract/catalogue.ts";
import type { ScanResult } from "../extract/events.ts";
import type { AlertSettings } from "./alerts/alert-settings.ts";
import { raiseAlerts } from "./alerts/raise-alerts.ts";
import { announcePublication } from "./announce-publication.ts";
import { runBuild } from "./building.ts";
import { type Invocation, interruptedExitCode } from "./command.ts";
import {
  type MetabaseConfig,
  readAlertConfig,
  readDatabaseConfig,
  readKeepChangesDays,
  readMetabaseConfig,
  readSourceConfig,
} from "./config.ts";
import { ConfigError, collectProblems } from "./errors.ts";
import { type Extraction, runExtraction } from "./extraction.ts";
import { reportExtraction } from "./extraction-report.ts";
import { reportWithheld } from "./freshness/report-withheld.ts";
import type { Withheld } from "./freshness/withhold-stale.ts";
import { readScanOptions } from "./scan-arguments.ts";
import { type Outcome, recorded, type Session } from "./session.ts";

/** Everything that a run of the default objects needs to know. */
export type RunSettings = {
  readonly extraction: Extraction;
  readonly metabase: MetabaseConfig | undefined;
  readonly keepChangesDays: number | undefined;
  readonly alerts: AlertSettings;
};

/**
 * Reads the options and settings of a run.
 * @param problems gets those of other settings; all are told together
 * @throws ConfigError
 */
export function readRunSettings(
  { options, env }: Pick<Invocation, "options" | "env">,
  now: Date,
  problems: string[] = [],
): RunSettings {
  const scan = readScanOptions(options, now, problems);
  const source = collectProblems(problems, () => readSourceConfig(env));
  collectProblems(problems, () => readDatabaseConfig(env));
  const metabase = collectProblems(problems, () => readMetabaseConfig(env));
  const keepChangesDays = collectProblems(problems, () => readKeepChangesDays(env));
  const alerts = collectProblems(problems, () => readAlertConfig(env));
  if (source === undefined || alerts === undefined || problems.length > 0) {
    throw new ConfigError(problems);
  }
  const extraction = { source, objects: defaultObjects, options: scan };
  return { extraction, metabase, keepChangesDays, alerts };
}

/**
 * One run, recorded: extract, build, test, publish. Whatever its end, who is to be told of it is
 * told, unless a signal ended it.
 * @returns the exit code
 * @throws what ended the run before its end, as failureOf explains it
 */
export async function runOnce(
  invocation: Invocation,
  pool: Pool,
  settings: RunSettings,
  now: () => Date = () => new Date(),
): Promise<number> {
  const { conta } = settings.extraction.source;
  let runId: string | null = null;
  let results: readonly ScanResult[] | undefined;
  const alert = async (
    ending: { status: "published" } | { status: "failed"; error: unknown },
  ): Promise<void> => {
    if (invocation.signal.aborted) return;
    const end = { conta, runId, results, ending };
    const { event: emit } = invocation.reporter;
    const alerting = { pool, settings: settings.alerts, conta, emit, now };
    await raiseAlerts(alerting, { type: "run-ended", end });
  };
  try {
    const exitCode = await recorded(invocation, pool, { command: "run", conta }, (session) => {
      runId = String(session.runId);
      return work(invocation, session, settings, (extracted) => {
        results = extracted;
      });
    });
    await alert({ status: "published" });
    return exitCode;
  } catch (error) {
    await alert({ status: "failed", error });
    throw error;
  }
}

async function work(
  invocation: Invocation,
  session: Session,
  { extraction, metabase, keepChangesDays }: RunSettings,
  onExtracted: (results: readonly ScanResult[]) => void,
): Promise<Outcome> {
  const { reporter, signal } = invocation;
  const results = await runExtraction(session, { ...extraction, stop: signal }, reporter.event);
  if (signal.aborted) return { exitCode: interruptedExitCode(signal), error: "interrupted" };
  onExtracted(results);
  let withheld: Withheld;
  try {
    const build = await runBuild(session, reporter.event, { options: { keepChangesDays } });
    withheld = build.withheld;
  } catch (error) {
    // The build's failure decides the exit code; what did not arrive is told all the same.
    reportExtraction(results, reporter);
    throw error;
  }
  await announcePublication(invocation, session.pool, metabase);
  const extracted = reportExtraction(results, reporter);
  const built = reportWithheld(withheld, reporter);
  const error = [extracted.error, built.error].filter((one) => one !== undefined).join("\n");
  return {
    exitCode: Math.max(extracted.exitCode, built.exitCode),
    ...(error === "" ? {} : { error }),
  };
}
