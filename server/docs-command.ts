import path from "node:path";
import { pathToFileURL } from "node:url";
import { type Command, exitCodes, type Invocation } from "../runner/command.ts";
import { ConfigError } from "../runner/errors.ts";
import { openProject, projectHelp, projectOption, projectRoot } from "../runner/open-project.ts";
import { withDatabase } from "../runner/session.ts";
import { writeArtifacts } from "./docs/dbt/write-artifacts.ts";
import { readDocumented } from "./docs/documented.ts";
import { writeSite } from "./docs/site.ts";

export const command: Command = {
  help: `Usage: elt docs [options]

Writes static pages in Portuguese: models, columns with their types, comments and origin, tests with
their last outcome, the graph of who reads whom, the objects of CVDW, and the last run. They need no
server and no network.

With --dbt it writes what dbt would have written of these models instead, for tools that read that:
manifest.json (v12), catalog.json (v1), run_results.json (v6, of the last build) and sources.json
(v3, ages of the sources). No rows and no secrets are in them.

  --out <folder>       where to write (default: site, with --dbt target)
  --dbt                dbt's artifacts instead of the site
${projectHelp}`,
  options: { ...projectOption, out: { type: "string" }, dbt: { type: "boolean" } },
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { options, reporter } = invocation;
  const isDbt = options.dbt === true;
  const folder =
    typeof options.out === "string"
      ? path.resolve(options.out)
      : path.join(projectRoot, isDbt ? "target" : "site");
  const project = await openProject(invocation);
  if (isDbt) {
    const now = new Date();
    const files = await withDatabase(invocation, "docs", async ({ pool }) =>
      written(folder, writeArtifacts(pool, await readDocumented(pool, project, now), folder, now)),
    );
    reporter.result(`${files.join(", ")} in ${folder}`, { folder, files });
    return exitCodes.done;
  }
  const pages = await withDatabase(invocation, "docs", async ({ pool }) =>
    written(folder, writeSite(await readDocumented(pool, project), folder)),
  );
  const start = pathToFileURL(path.join(folder, "index.html")).href;
  reporter.result(`${pages.length} pages: ${start}`, { folder, start, pages });
  return exitCodes.done;
}

/** A folder that takes no files is told in a sentence; any other error stays as it is. */
async function written<Files>(folder: string, writing: Promise<Files>): Promise<Files> {
  try {
    return await writing;
  } catch (error) {
    const isOfDisk = error instanceof Error && "syscall" in error && "path" in error;
    if (!isOfDisk) throw error;
    throw new ConfigError([
      `The folder ${folder} cannot be written to (${error.message}): name another with --out, or give this user the right.`,
    ]);
  }
}
