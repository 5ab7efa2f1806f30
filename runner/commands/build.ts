import { endBuildIncidents } from "../alerts/end-build-incidents.ts";
import { announcePublication } from "../announce-publication.ts";
import { buildHelp, buildOptions, readBuildOptions } from "../build-arguments.ts";
import { runBuild } from "../building.ts";
import type { Command, Invocation } from "../command.ts";
import { readMetabaseConfig } from "../config.ts";
import {
  environmentHelp,
  environmentOptions,
  readEnvironmentOptions,
} from "../environments/environment-arguments.ts";
import { runInEnvironment } from "../environments/run-in-environment.ts";
import { reportWithheld } from "../freshness/report-withheld.ts";
import { openProject } from "../open-project.ts";
import { recorded, withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt build [options]

Brings every model up to date with what is landed, runs the tests and publishes in one transaction;
only what changed is computed. Waits up to 30 minutes for another build of the database.

${buildHelp}
${environmentHelp}

Examples: elt build · elt build --select changed+ · elt build --select +vw_vso_mensal
elt build --env ana · elt build --env julho --as-of 2026-07-31`,
  options: { ...buildOptions, ...environmentOptions },
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const environment = readEnvironmentOptions(invocation);
  if (environment !== undefined) {
    return runInEnvironment(invocation, { ...environment, end: "commit" });
  }
  const metabase = readMetabaseConfig(invocation.env);
  const project = await openProject(invocation);
  return withDatabase(invocation, "build", async ({ pool }) => {
    const options = await readBuildOptions(invocation, pool, project);
    return recorded(invocation, pool, { command: "build", conta: null }, async (session) => {
      const { withheld, tests } = await runBuild(session, invocation.reporter.event, {
        project,
        options,
      });
      const scope = options.only === undefined ? "all models" : "some models";
      await endBuildIncidents(pool, { tests, scope }, new Date());
      await announcePublication(invocation, pool, metabase);
      return reportWithheld(withheld, invocation.reporter);
    });
  });
}
