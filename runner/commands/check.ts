import { type Command, exitCodes, type Invocation } from "../command.ts";
import { checkProject } from "../models/check.ts";
import { ModelError } from "../models/problem.ts";
import { openProject, projectHelp, projectOption } from "../open-project.ts";
import { withDatabase } from "../session.ts";

export const command: Command = {
  summary: "find every problem in the models, without building them",
  help: `Usage: elt check [options]

Parses every model, checks names, order, headers and tests, and lets PostgreSQL check each SELECT in
a throw-away schema; then runs the unit tests that stand beside models (vendas.test.md). All problems
are shown at once, as file:line:column. Nothing is changed.

${projectHelp}`,
  options: projectOption,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const project = await openProject(invocation);
  const { problems, unchecked, unitTests } = await withDatabase(invocation, "check", ({ pool }) =>
    checkProject(pool, project),
  );
  if (problems.length > 0) throw new ModelError(problems, unchecked);
  const { models, seeds } = project;
  const ran = unitTests === 1 ? "1 unit test" : `${unitTests} unit tests`;
  const text = `${models.length} models and ${seeds.length} seeds: no problems${unitTests > 0 ? `, ${ran} passed` : ""}.`;
  const counts = { models: models.length, seeds: seeds.length, unitTests };
  invocation.reporter.result(text, { ...counts, problems: [] });
  return exitCodes.done;
}
