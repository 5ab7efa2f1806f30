import { chooseObjects } from "../choose-objects.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { fieldsRead } from "../drift/fields-read.ts";
import { formatDrift } from "../drift/format-drift.ts";
import { readDrift } from "../drift/read-drift.ts";
import { unreadFields } from "../drift/unread-fields.ts";
import { ConfigError } from "../errors.ts";
import { ModelError } from "../models/problem.ts";
import { openProject, projectHelp, projectOption } from "../open-project.ts";
import { withDatabase } from "../session.ts";

const DEFAULT_DAYS = 30;
const MOST_DAYS = 36_500;

export const command: Command = {
  help: `Usage: elt drift [object…] [--days <n>]

Shows which fields of the source's records are new, vanished, came back or have another JSON type
than ever before, in the last ${DEFAULT_DAYS} days. And how many fields are landed that no model reads; of objects
that are named, the lines that would read them, ready to paste into the staging model. The cast is
picked from the field's types and from a sample of its values; where in doubt it is text, which loses
nothing.

  --days <n>             how far back (default ${DEFAULT_DAYS})
${projectHelp}

Objects are named as in elt extract: reservas, pessoas/, leads_*. What a load found is told when it
happens, too, and never stops it.`,
  options: { days: { type: "string" }, ...projectOption },
  takesNames: true,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { reporter, names, options } = invocation;
  const problems: string[] = [];
  const objects = chooseObjects(names, problems).map(({ name }) => name);
  const days = readDays(options.days, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const project = await openProject(invocation);
  // What a model that cannot be parsed reads is not known: its fields would all look unread.
  const unparsed = project.problems.filter(({ file }) => file.startsWith("models/staging/"));
  if (unparsed.length > 0) throw new ModelError(unparsed);
  const readers = fieldsRead(project);
  const found = await withDatabase(invocation, "drift", async ({ pool }) => ({
    drift: (await readDrift(pool, { objects, days })).map((drift) => ({
      ...drift,
      readBy: (readers.get(drift.object)?.readersOf(drift.field) ?? []).map(({ file }) => file),
    })),
    ...(await unreadFields(pool, project, readers, objects)),
  }));
  const lines = names.length > 0 ? "to-paste" : "counted";
  reporter.result(formatDrift(found, { days, lines }), { days, ...found });
  return exitCodes.done;
}

function readDays(given: string | boolean | undefined, problems: string[]): number {
  if (given === undefined) return DEFAULT_DAYS;
  const days = Number(given);
  if (Number.isInteger(days) && days >= 1 && days <= MOST_DAYS) return days;
  problems.push(`--days is a number of days from 1 to ${MOST_DAYS}, not "${given}".`);
  return DEFAULT_DAYS;
}
