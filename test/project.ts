import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadProject, type Project } from "../runner/models/project.ts";

/** Writes files (path → text) into a folder of their own and loads them as a project. */
export function projectOf(files: Readonly<Record<string, string>>): Promise<Project> {
  return withFiles(files, loadProject);
}

/** The folder stands for as long as `work` takes. */
export async function withFiles<T>(
  files: Readonly<Record<string, string>>,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const root = await mkdtemp(path.join(tmpdir(), "elt-project-"));
  try {
    for (const [file, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(root, file)), { recursive: true });
      await writeFile(path.join(root, file), text);
    }
    return await work(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** The same project without guards: its numbers may move as they like. */
export function unguarded(project: Project): Project {
  return { ...project, models: project.models.map((model) => ({ ...model, guards: [] })) };
}
