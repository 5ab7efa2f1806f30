import { buildHelp, buildOptions, readBuildOptions } from "../build-arguments.ts";
import { whileBuilding } from "../building.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import {
  environmentHelp,
  environmentOptions,
  readEnvironmentOptions,
} from "../environments/environment-arguments.ts";
import { runInEnvironment } from "../environments/run-in-environment.ts";
import type { RunEvent } from "../events.ts";
import { formatPlan } from "../format-plan.ts";
import { planBuild } from "../models/plan-build.ts";
import { openProject } from "../open-project.ts";
import { recorded, withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt plan [options]

Builds in a transaction and rolls it back. Tells per table how many rows would be added, changed and
removed, per KPI view the rows and numbers that would change, what readers would lose, which guarded
KPIs would hold it back, which tests would fail, and which tables are always computed whole and why.
Exit 1 when a test would fail or a KPI hold it back.

${buildHelp}
${environmentHelp}`,
  options: { ...buildOptions, ...environmentOptions },
  run,
};

/** The events of a build that are not in the plan. */
const told: readonly RunEvent["type"][] = ["lock-wait", "warning", "source-stale"];

async function run(invocation: Invocation): Promise<number> {
  const environment = readEnvironmentOptions(invocation);
  if (environment !== undefined) {
    return runInEnvironment(invocation, { ...environment, end: "roll back" });
  }
  const { reporter } = invocation;
  const project = await openProject(invocation);
  return withDatabase(invocation, "plan", async ({ pool }) => {
    const options = await readBuildOptions(invocation, pool, project);
    return recorded(invocation, pool, { command: "plan", conta: null }, async ({ runId }) => {
      // What it would tell while building is in the plan itself.
      const emit = (event: RunEvent) => {
        if (told.includes(event.type)) reporter.event(event);
      };
      const plan = await whileBuilding(pool, emit, () =>
        planBuild({ pool, runId, emit }, project, options),
      );
      reporter.result(formatPlan(plan), plan);
      const fails =
        plan.held.length > 0 || plan.findings.some(({ severity }) => severity === "error");
      return { exitCode: fails ? exitCodes.modelFailed : exitCodes.done };
    });
  });
}
