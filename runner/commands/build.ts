import { announcePublication } from "../announce-publication.ts";
import { buildHelp, buildOptions, readBuildOptions } from "../build-arguments.ts";
import { runBuild } from "../building.ts";
import type { Command, Invocation } from "../command.ts";
import { readMetabaseConfig } from "../config.ts";
import { reportWithheld } from "../freshness/report-withheld.ts";
import { openProject } from "../open-project.ts";
import { recorded, withDatabase } from "../session.ts";

export const command: Command = {
  summary: "build, test and publish the models from what is landed",
  help: `Usage: elt build [options]

Brings every model up to date with what is landed, runs the tests and publishes in one transaction;
only what changed is computed. Waits up to 30 minutes for another build of the database.

${buildHelp}

Examples: elt build · elt build --select changed+ · elt build --select +vw_vso_mensal`,
  options: buildOptions,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const metabase = readMetabaseConfig(invocation.env);
  const project = await openProject(invocation);
  return withDatabase(invocation, "build", async ({ pool }) => {
    const options = await readBuildOptions(invocation, pool, project);
    return recorded(invocation, pool, { command: "build", conta: null }, async (session) => {
      const { withheld } = await runBuild(session, invocation.reporter.event, { project, options });
      await announcePublication(invocation, pool, metabase);
      return reportWithheld(withheld, invocation.reporter);
    });
  });
}
