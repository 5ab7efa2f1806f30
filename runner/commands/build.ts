import { announcePublication } from "../announce-publication.ts";
import { runBuild } from "../building.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { readMetabaseConfig } from "../config.ts";
import { recorded, withDatabase } from "../session.ts";

export const command: Command = {
  summary: "build, test and publish the models from what is landed",
  help: `Usage: elt build

Builds every model from what is landed, runs the tests and publishes in one transaction. Waits up to
30 minutes for another build of the database.`,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const metabase = readMetabaseConfig(invocation.env);
  return withDatabase(invocation, "build", ({ pool }) =>
    recorded(invocation, pool, { command: "build", conta: null }, async (session) => {
      await runBuild(session, invocation.reporter.event);
      await announcePublication(invocation, pool, metabase);
      return { exitCode: exitCodes.done };
    }),
  );
}
