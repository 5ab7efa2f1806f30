import path from "node:path";
import { pathToFileURL } from "node:url";
import { type Command, exitCodes, type Invocation } from "../runner/command.ts";
import { openProject, projectHelp, projectOption, projectRoot } from "../runner/open-project.ts";
import { withDatabase } from "../runner/session.ts";
import { readDocumented } from "./docs/documented.ts";
import { writeSite } from "./docs/site.ts";

export const command: Command = {
  summary: "write a site that documents the models, to open from a folder",
  help: `Usage: elt docs [options]

Writes static pages in Portuguese: models, columns with their types, comments and origin, tests with
their last outcome, the graph of who reads whom, the objects of CVDW, and the last run. They need no
server and no network.

  --out <folder>       where to write (default: site)
${projectHelp}`,
  options: { ...projectOption, out: { type: "string" } },
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { options, reporter } = invocation;
  const folder =
    typeof options.out === "string" ? path.resolve(options.out) : path.join(projectRoot, "site");
  const project = await openProject(invocation);
  const pages = await withDatabase(invocation, "docs", async ({ pool }) =>
    writeSite(await readDocumented(pool, project), folder),
  );
  const start = pathToFileURL(path.join(folder, "index.html")).href;
  reporter.result(`${pages.length} pages: ${start}`, { folder, start, pages });
  return exitCodes.done;
}
