import { projectRoot } from "../building.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { loadProject } from "../models/project.ts";
import { testProject } from "../models/run-build-tests.ts";
import { isFailing } from "../models/test-failure.ts";
import { recorded, withDatabase } from "../session.ts";

export const command: Command = {
  summary: "run every test on what is published",
  help: `Usage: elt test

Runs the tests of every model on the published tables and views, and shows up to three failing rows
of each. Exit 1 when a @test fails; a @warn is only reported.`,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { reporter } = invocation;
  const project = await loadProject(projectRoot);
  return withDatabase(invocation, "test", ({ pool }) =>
    recorded(invocation, pool, { command: "test", conta: null }, async ({ runId }) => {
      const results = await testProject({ pool, runId, emit: reporter.event }, project);
      const failing = results.filter(isFailing);
      reporter.result(`${results.length} tests, ${failing.length} with findings.`, results);
      return { exitCode: exitCodes.done };
    }),
  );
}
