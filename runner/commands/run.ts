import type { Command, Invocation } from "../command.ts";
import { readRunSettings, runOnce } from "../run-once.ts";
import { scanOptions, scanOptionsHelp } from "../scan-arguments.ts";
import { withWatchedDatabase } from "../with-watched-database.ts";

export const command: Command = {
  help: `Usage: elt run [options]

Extracts the default objects of CVCRM_ACCOUNT, builds every model, runs the tests and publishes
everything in one transaction. What arrived is published even when an object failed (exit 3) or a
limit stopped the extraction. Then whoever .env names is told of what went wrong, or is well again.

Options
${scanOptionsHelp}

Other objects, and a part of the past, are landed by elt extract.`,
  options: scanOptions,
  run,
};

function run(invocation: Invocation): Promise<number> {
  const settings = readRunSettings(invocation, new Date());
  return withWatchedDatabase(invocation, "run", settings, ({ pool }) =>
    runOnce(invocation, pool, settings),
  );
}
