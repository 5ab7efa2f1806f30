import type { RunEvent } from "./events.ts";
import { type BuildResult, buildProject } from "./models/build.ts";
import { loadProject, type Project } from "./models/project.ts";
import { projectRoot } from "./open-project.ts";
import { locked, type Session } from "./session.ts";

export { projectRoot };

/** The lock that keeps building and publishing to one run per database. */
export const BUILD_LOCK = "build";

/** Builds, tests and publishes the project's models, one run at a time per database. */
export async function runBuild(
  { pool, runId }: Session,
  emit: (event: RunEvent) => void,
  project?: Project,
): Promise<BuildResult> {
  const models = project ?? (await loadProject(projectRoot));
  const lock = {
    name: BUILD_LOCK,
    subject: "A build of this database",
    onWait: (holder: string) => emit({ type: "lock-wait", lock: BUILD_LOCK, holder }),
  };
  return locked(pool, lock, () => buildProject({ pool, runId, emit }, models));
}
