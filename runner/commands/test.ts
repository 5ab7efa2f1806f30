import { readSelection } from "../build-arguments.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import {
  environmentOption,
  environmentOptionHelp,
  readEnvironmentOption,
} from "../environments/environment-arguments.ts";
import { testEnvironment } from "../environments/test-environment.ts";
import { checkProject } from "../models/check.ts";
import { ModelError } from "../models/problem.ts";
import { testProject } from "../models/run-build-tests.ts";
import { selectionHelp } from "../models/selection.ts";
import { isFailing } from "../models/test-failure.ts";
import { openProject, projectHelp, projectOption } from "../open-project.ts";
import { recorded, withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt test [options]

Runs the unit tests that stand beside models (vendas.test.md) on the rows they give, then the tests of
every model and those in models/tests on the published tables and views, and shows up to three
failing rows of each; elt.failing_rows keeps more. Exit 1 when a test fails; a @warn is only reported.

${selectionHelp}
${environmentOptionHelp}
${projectHelp}`,
  options: { ...projectOption, ...environmentOption, select: { type: "string" } },
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { reporter } = invocation;
  const environment = readEnvironmentOption(invocation);
  const project = await openProject(invocation);
  return withDatabase(invocation, "test", async ({ pool }) => {
    const only = await readSelection(invocation, pool, project);
    const command = environment === undefined ? "test" : "env test";
    return recorded(invocation, pool, { command, conta: null }, async ({ runId }) => {
      const unitTests = project.unitTests.filter(({ model }) => only?.has(model) ?? true);
      const checked = await checkProject(pool, { ...project, unitTests });
      if (checked.problems.length > 0) throw new ModelError(checked.problems, checked.unchecked);
      const context = { pool, runId, emit: reporter.event };
      const results =
        environment === undefined
          ? await testProject(context, project, only)
          : await testEnvironment(context, project, { name: environment, only });
      const failing = results.filter(isFailing);
      reporter.result(
        `${results.length} tests, ${failing.length} with findings; ${checked.unitTests} unit tests passed.`,
        { tests: results, unitTests: checked.unitTests },
      );
      return { exitCode: exitCodes.done };
    });
  });
}
