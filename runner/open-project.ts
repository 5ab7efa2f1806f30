import { stat } from "node:fs/promises";
import path from "node:path";
import type { Invocation } from "./command.ts";
import { ConfigError } from "./errors.ts";
import { loadProject, type Project } from "./models/project.ts";

/** This program's own project: the folder that holds models/ and views/. */
export const projectRoot = path.dirname(import.meta.dirname);

/** The option by which a command takes another project than this program's own. */
export const projectOption = { project: { type: "string" } } as const;

export const projectHelp = `  --project <folder>   another folder with models/ and views/`;

/** The folder of the project that a command is about. */
export function projectFolder({ options }: Pick<Invocation, "options">): string {
  return typeof options.project === "string" ? path.resolve(options.project) : projectRoot;
}

/**
 * Reads the project that a command is about.
 * @throws ConfigError when the folder holds no models
 */
export async function openProject(invocation: Pick<Invocation, "options">): Promise<Project> {
  const folder = projectFolder(invocation);
  const hasModels = await stat(path.join(folder, "models")).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!hasModels) {
    throw new ConfigError([
      `There is no folder models in ${folder}: give --project the folder that holds models/ and views/.`,
    ]);
  }
  return loadProject(folder);
}
