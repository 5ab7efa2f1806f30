import "../quick-parser.ts";

import { existsSync, readdirSync, watch } from "node:fs";
import path from "node:path";
import type { Pool } from "pg";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import {
  environmentOption,
  environmentOptionHelp,
  readEnvironmentOption,
} from "../environments/environment-arguments.ts";
import { seeEnvironment } from "../environments/see-environment.ts";
import { ConfigError } from "../errors.ts";
import { failureOf } from "../failure.ts";
import { formatShown } from "../format-shown.ts";
import { ModelError } from "../models/problem.ts";
import { findModel } from "../models/selection.ts";
import { showModel } from "../models/show-model.ts";
import { openProject, projectFolder, projectHelp, projectOption } from "../open-project.ts";
import { withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt show <model> [options]

Runs the SELECT of a model's file over what is built, and shows its first rows; what it reads and
whose file changed too is computed from its file. Nothing is written; personal columns are masked.
Where a row is wider than the terminal, rows stand side by side, with a line for each column.

  --limit <n>          rows to show (10)
  --watch              show again whenever a file below models/ or views/ is saved
${environmentOptionHelp}
${projectHelp}

Examples: elt show vendas · elt show staging.reservas --limit 3 · elt show vw_vso_mensal --watch`,
  options: {
    ...projectOption,
    ...environmentOption,
    limit: { type: "string" },
    watch: { type: "boolean" },
  },
  takesNames: true,
  run,
};

const DEFAULT_ROWS = 10;
const MOST_ROWS = 10_000;

async function run(invocation: Invocation): Promise<number> {
  const { names, options } = invocation;
  const [name, second] = names;
  if (name === undefined || second !== undefined) {
    throw new ConfigError(["Give one model: elt show vendas. See: npm run elt -- help show"]);
  }
  const limit = readLimit(options.limit);
  findModel(await openProject(invocation), name);
  return withDatabase(invocation, "show", async ({ pool }) => {
    if (options.watch !== true) {
      await show(invocation, pool, name, limit);
      return exitCodes.done;
    }
    await showOnSave(invocation, pool, name, limit);
    return exitCodes.done;
  });
}

function readLimit(value: string | boolean | undefined): number {
  if (value === undefined) return DEFAULT_ROWS;
  const limit = Number(value);
  if (Number.isInteger(limit) && limit > 0 && limit <= MOST_ROWS) return limit;
  throw new ConfigError([`--limit is "${value}": give a number from 1 to ${MOST_ROWS}.`]);
}

/** The project is read again each time: its files are what changed. */
async function show(
  invocation: Invocation,
  pool: Pool,
  name: string,
  limit: number,
): Promise<void> {
  const project = await openProject(invocation);
  const environment = readEnvironmentOption(invocation);
  const seen =
    environment === undefined ? undefined : await seeEnvironment(pool, project, environment);
  const built = seen && { ...seen, asOf: seen.environment.asOf };
  const shown = await showModel(pool, project, findModel(project, name), { limit, built });
  invocation.reporter.result(
    formatShown(shown, { limit, width: process.stdout.columns || undefined }),
    {
      ...shown,
      rows: shown.rows.map((cells) =>
        Object.fromEntries(shown.columns.map((column, i) => [column, cells[i] ?? null])),
      ),
    },
  );
}

async function showOnSave(
  invocation: Invocation,
  pool: Pool,
  name: string,
  limit: number,
): Promise<void> {
  const { reporter, signal } = invocation;
  // Watching begins before the first rows are shown, so that no save slips between.
  const saves = watchSaves(projectFolder(invocation), signal);
  const again = async () => {
    try {
      await show(invocation, pool, name, limit);
    } catch (error) {
      // Somebody is in the middle of writing it: told, and tried again with the next save.
      if (!(error instanceof ModelError || error instanceof ConfigError)) throw error;
      reporter.failure(error.message, failureOf(error).exitCode);
    }
    reporter.say("Watching models/ and views/. Ctrl-C ends it.");
  };
  await again();
  while ((await saves.next()) === "saved") await again();
}

/** Saves of models and mappings; several while nobody asks count as one. */
function watchSaves(
  folder: string,
  signal: AbortSignal,
): { readonly next: () => Promise<"saved" | "ended"> } {
  let saved = false;
  let wake = () => {};
  for (const directory of modelFolders(folder)) {
    const watcher = watch(directory, { signal }, (_, file) => {
      if (!/\.(sql|csv)$/.test(file ?? "")) return;
      saved = true;
      wake();
    });
    watcher.on("close", () => wake());
  }
  return {
    async next() {
      while (!saved && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      saved = false;
      return signal.aborted ? "ended" : "saved";
    },
  };
}

/** Node's own recursive watch on Linux misses what is saved while it still looks for files. */
function modelFolders(folder: string): readonly string[] {
  return ["models", "views"].flatMap((name) => {
    const root = path.join(folder, name);
    if (!existsSync(root)) return [];
    const inside = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => path.join(entry.parentPath, entry.name));
    return [root, ...inside];
  });
}
