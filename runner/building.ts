import type { Pool } from "pg";
import type { RunEvent } from "./events.ts";
import { type BuildResult, buildProject } from "./models/build.ts";
import { loadProject, type Project } from "./models/project.ts";
import type { BuildOptions } from "./models/running-build.ts";
import { projectRoot } from "./open-project.ts";
import { locked, type Session } from "./session.ts";

export { projectRoot };

/** The lock that keeps building and publishing to one run per database. */
export const BUILD_LOCK = "build";

/** Builds, tests and publishes the project's models, one run at a time per database. */
export async function runBuild(
  { pool, runId }: Session,
  emit: (event: RunEvent) => void,
  request: { readonly project?: Project; readonly options?: BuildOptions } = {},
): Promise<BuildResult> {
  const project = request.project ?? (await loadProject(projectRoot));
  return whileBuilding(pool, emit, () =>
    buildProject({ pool, runId, emit }, project, request.options ?? {}),
  );
}

/**
 * Runs `work` while no build goes on; waits for one that does.
 * @throws LockError after half an hour
 */
export function whileBuilding<T>(
  pool: Pool,
  emit: (event: RunEvent) => void,
  work: () => Promise<T>,
): Promise<T> {
  const lock = {
    name: BUILD_LOCK,
    subject: "A build of this database",
    onWait: (holder: string) => emit({ type: "lock-wait", lock: BUILD_LOCK, holder }),
  };
  return locked(pool, lock, work);
}
