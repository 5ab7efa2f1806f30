import { defaultObjects } from "../../extract/catalogue.ts";
import { announcePublication } from "../announce-publication.ts";
import { runBuild } from "../building.ts";
import type { Command, Invocation } from "../command.ts";
import {
  type MetabaseConfig,
  readDatabaseConfig,
  readKeepChangesDays,
  readMetabaseConfig,
  readSourceConfig,
} from "../config.ts";
import { ConfigError, collectProblems } from "../errors.ts";
import { type Extraction, runExtraction } from "../extraction.ts";
import { reportExtraction } from "../extraction-report.ts";
import { reportWithheld } from "../freshness/report-withheld.ts";
import type { Withheld } from "../freshness/withhold-stale.ts";
import { readScanOptions, scanOptions, scanOptionsHelp } from "../scan-arguments.ts";
import { recorded, withDatabase } from "../session.ts";

export const command: Command = {
  summary: "extract, build, test and publish, once",
  help: `Usage: elt run [options]

Extracts the default objects of CVCRM_ACCOUNT, builds every model, runs the tests and publishes
everything in one transaction. What arrived is published even when an object failed (exit 3) or a
limit stopped the extraction.

Options
${scanOptionsHelp}

Other objects, and a part of the past, are landed by elt extract.`,
  options: scanOptions,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { reporter } = invocation;
  const { metabase, keepChangesDays, ...extraction } = readExtraction(invocation);
  const { conta } = extraction.source;
  return withDatabase(invocation, "run", ({ pool }) =>
    recorded(invocation, pool, { command: "run", conta }, async (session) => {
      const results = await runExtraction(session, extraction, reporter.event);
      let withheld: Withheld;
      try {
        const build = await runBuild(session, reporter.event, { options: { keepChangesDays } });
        withheld = build.withheld;
      } catch (error) {
        // The build's failure decides the exit code; what did not arrive is told all the same.
        reportExtraction(results, reporter);
        throw error;
      }
      await announcePublication(invocation, pool, metabase);
      const extracted = reportExtraction(results, reporter);
      const built = reportWithheld(withheld, reporter);
      const error = [extracted.error, built.error].filter((one) => one !== undefined).join("\n");
      return {
        exitCode: Math.max(extracted.exitCode, built.exitCode),
        ...(error === "" ? {} : { error }),
      };
    }),
  );
}

/** Problems of options and settings are told together. */
function readExtraction({ options, env }: Invocation): Extraction & {
  readonly metabase: MetabaseConfig | undefined;
  readonly keepChangesDays: number | undefined;
} {
  const problems: string[] = [];
  const scan = readScanOptions(options, new Date(), problems);
  const source = collectProblems(problems, () => readSourceConfig(env));
  collectProblems(problems, () => readDatabaseConfig(env));
  const metabase = collectProblems(problems, () => readMetabaseConfig(env));
  const keepChangesDays = collectProblems(problems, () => readKeepChangesDays(env));
  if (source === undefined || problems.length > 0) throw new ConfigError(problems);
  return { source, objects: defaultObjects, options: scan, metabase, keepChangesDays };
}
