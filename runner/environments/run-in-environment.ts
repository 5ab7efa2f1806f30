import type { Pool } from "pg";
import { readBuildOptions } from "../build-arguments.ts";
import { exitCodes, type Invocation } from "../command.ts";
import type { RunEvent } from "../events.ts";
import { openProject } from "../open-project.ts";
import { locked, recorded, withDatabase } from "../session.ts";
import { buildEnvironment } from "./build-environment.ts";
import { formatEnvironment } from "./format-environment.ts";

/** The events of a build that are not in what a plan tells at its end. */
const toldOfPlan: readonly RunEvent["type"][] = ["lock-wait", "warning"];

/** `elt build --env` and `elt plan --env`, which rolls back. */
export async function runInEnvironment(
  invocation: Invocation,
  { name, asOf, end }: Omit<Parameters<typeof buildEnvironment>[2], "only" | "fullRefresh">,
): Promise<number> {
  const { reporter } = invocation;
  const project = await openProject(invocation);
  const kind = end === "commit" ? "build" : "plan";
  return withDatabase(invocation, `${kind} --env ${name}`, async ({ pool }) => {
    const { only, fullRefresh } = await readBuildOptions(invocation, pool, project);
    const run = { command: `env ${kind}`, conta: null };
    return recorded(invocation, pool, run, async ({ runId }) => {
      const emit = (event: RunEvent) => {
        if (end === "commit" || toldOfPlan.includes(event.type)) reporter.event(event);
      };
      const report = await whileAlone(pool, name, emit, () =>
        buildEnvironment({ pool, runId, emit }, project, { name, asOf, only, fullRefresh, end }),
      );
      reporter.result(formatEnvironment(report, end), report);
      const fails = report.findings.some(({ severity }) => severity === "error");
      return { exitCode: fails ? exitCodes.modelFailed : exitCodes.done };
    });
  });
}

/**
 * Runs `work` while nothing else builds or drops that environment. Builds of others, and of what is
 * published, go on.
 * @throws LockError after half an hour
 */
export function whileAlone<T>(
  pool: Pool,
  name: string,
  emit: (event: RunEvent) => void,
  work: () => Promise<T>,
): Promise<T> {
  const lock = `environment ${name}`;
  return locked(
    pool,
    {
      name: lock,
      subject: `Work in environment ${name}`,
      onWait: (holder) => emit({ type: "lock-wait", lock: `work in ${lock}`, holder }),
    },
    work,
  );
}
