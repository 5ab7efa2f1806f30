import { type Command, exitCodes, type Invocation } from "../runner/command.ts";
import { readServerConfig } from "../runner/config.ts";
import { withDatabase } from "../runner/session.ts";
import { biGuide } from "./bi-guide.ts";
import { type BiSettings, readBiSettings } from "./bi-settings.ts";

export const command: Command = {
  help: `Usage: elt bi

Prints, in Portuguese, what to type into Metabase, Power BI and Excel to read the marts: host, port,
database, who may log in, and how to make a login that sees exactly schema marts. It creates and
changes nothing, and prints no password.

With --json the same settings as data.`,
  run,
};

function run(invocation: Invocation): Promise<number> {
  const { port } = readServerConfig(invocation.env);
  return withDatabase(invocation, "bi", async ({ pool, url, embedded }) => {
    const settings: BiSettings = await readBiSettings(pool, url, embedded !== undefined);
    invocation.reporter.result(biGuide(settings, { port }), { ...settings, apiPort: port });
    return exitCodes.done;
  });
}
