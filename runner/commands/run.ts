import { runBuild } from "../building.ts";
import type { Command, Invocation } from "../command.ts";
import { readDatabaseConfig, readSourceConfig } from "../config.ts";
import { ConfigError } from "../errors.ts";
import { chooseObjects, reportExtraction, runExtraction } from "../extraction.ts";
import { recorded, withDatabase } from "../session.ts";

export const command: Command = {
  summary: "extract, build, test and publish, once",
  help: `Usage: elt run

Extracts the default objects of CVCRM_ACCOUNT, builds every model, runs the tests and publishes
everything in one transaction. What arrived is published even when an object failed (exit 3).`,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { reporter } = invocation;
  const source = readSource(invocation);
  return withDatabase(invocation, "run", ({ pool }) =>
    recorded(invocation, pool, { command: "run", conta: source.conta }, async (session) => {
      const objects = chooseObjects([]);
      const results = await runExtraction(session, source, objects, reporter.event);
      await runBuild(session, reporter.event);
      return reportExtraction(results, reporter);
    }),
  );
}

/** Problems of the source's and the database's settings are told together. */
function readSource({ env }: Invocation) {
  const problems: string[] = [];
  const collect = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const source = collect(() => readSourceConfig(env));
  collect(() => readDatabaseConfig(env));
  if (source === undefined || problems.length > 0) throw new ConfigError(problems);
  return source;
}
