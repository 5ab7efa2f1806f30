import type { Pool } from "pg";
import type { Invocation } from "./command.ts";
import { readKeepChangesDays } from "./config.ts";
import type { Project } from "./models/project.ts";
import type { BuildOptions } from "./models/running-build.ts";
import { selectionHelp, selectModels } from "./models/selection.ts";
import { projectHelp, projectOption } from "./open-project.ts";

/** Options of the commands that build. */
export const buildOptions = {
  ...projectOption,
  select: { type: "string" },
  "full-refresh": { type: "boolean" },
  "allow-destructive": { type: "boolean" },
} as const;

export const buildHelp = `${selectionHelp}
  --full-refresh       compute every table from the whole of its inputs
  --allow-destructive  let published columns and relations go; they are named
${projectHelp}`;

/** The options of a call, with its selection resolved against the project and the database. */
export async function readBuildOptions(
  { options, env }: Pick<Invocation, "options" | "env">,
  pool: Pool,
  project: Project,
): Promise<BuildOptions> {
  const only = await readSelection({ options }, pool, project);
  return {
    only,
    fullRefresh: options["full-refresh"] === true,
    allowDestructive: options["allow-destructive"] === true,
    keepChangesDays: readKeepChangesDays(env),
  };
}

/** The models that `--select` names; undefined when it is not given. */
export async function readSelection(
  { options }: Pick<Invocation, "options">,
  pool: Pool,
  project: Project,
): Promise<ReadonlySet<string> | undefined> {
  if (typeof options.select !== "string") return undefined;
  return selectModels(project, options.select, async () => {
    // Loaded only where it is asked for: elt check starts without it.
    const { changedModels } = await import("./models/stale-models.ts");
    return changedModels(pool, project);
  });
}
