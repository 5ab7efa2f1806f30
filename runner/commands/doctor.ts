import { type CvdwObject, catalogue, defaultObjects } from "../../extract/catalogue.ts";
import { chooseObjects } from "../choose-objects.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { programVersion } from "../doctor/check-machine.ts";
import { diagnose } from "../doctor/diagnose.ts";
import { countFindings, formatFindings } from "../doctor/format-findings.ts";
import { ConfigError } from "../errors.ts";

export const command: Command = {
  help: `Usage: elt doctor [--objects <names>]

Looks at settings, machine, database, source, landing and operation, each line ok, warn or FAIL with
what to do about it; "-" could not be looked at, because of another line. It tells no secret, and changes
nothing, but that an empty database gets the program's schemas, as by any command, so that requests are
counted. Exit 2 when something fails, else 0.

  --objects <names>   objects whose permission is tried, by name, group or pattern, parted by commas;
                      default: the nine that the marts need. all: the 76 known; none: CVDW is not asked.

Each object costs one request, for one record, within the account's budget (CVCRM_RATE_LIMIT): ten take
seconds, all of them some minutes. With --json the same as data, to send to whoever helps.`,
  options: { objects: { type: "string" } },
  run,
};

const EXIT_GRACE_MS = 5_000;

async function run({ env, options, reporter }: Invocation): Promise<number> {
  const objects = objectsToTry(options.objects);
  const groups = await diagnose({
    ...{ env, objects, now: () => new Date(), log: reporter.sayPrivately },
  });
  const counts = countFindings(groups);
  const exitCode = counts.fail > 0 ? exitCodes.configuration : exitCodes.done;
  // A check that did not come to an end may hold a connection for good.
  setTimeout(() => process.exit(exitCode), EXIT_GRACE_MS).unref();
  const { version } = programVersion();
  const { platform, arch } = process;
  reporter.result(formatFindings(groups), {
    ...{ version, node: process.versions.node, platform, arch, exitCode, counts, groups },
  });
  return exitCode;
}

function objectsToTry(option: string | boolean | undefined): readonly CvdwObject[] {
  if (typeof option !== "string") return defaultObjects;
  if (option === "none") return [];
  if (option === "all") return catalogue;
  const names = option.split(",").flatMap((name) => name.trim() || []);
  const problems: string[] = [];
  const objects = chooseObjects(names, problems);
  if (names.length === 0) problems.push("--objects names none: give names, all or none.");
  if (problems.length > 0) throw new ConfigError(problems);
  return objects;
}
