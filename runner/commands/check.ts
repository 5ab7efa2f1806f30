import "../quick-parser.ts";

import { readSelection } from "../build-arguments.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { checkProject } from "../models/check.ts";
import { ModelError } from "../models/problem.ts";
import type { Project } from "../models/project.ts";
import { selectionHelp } from "../models/selection.ts";
import { unitTestFile } from "../models/unit-test.ts";
import { openProject, projectHelp, projectOption } from "../open-project.ts";
import { withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt check [options]

Parses every model, checks names, order, headers and tests, and lets PostgreSQL check each SELECT in
a throw-away schema; then runs the unit tests that stand beside models (vendas.test.md). All problems
are shown at once, as file:line:column. Nothing is changed.

${selectionHelp}
${projectHelp}`,
  options: { ...projectOption, select: { type: "string" } },
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { reporter } = invocation;
  const project = await openProject(invocation);
  const { only, checked } = await withDatabase(invocation, "check", async ({ pool }) => ({
    only: await readSelection(invocation, pool, project),
    checked: await checkProject(pool, project),
  }));
  const { models, seeds } = project;
  const files = filesOf(project, only);
  const problems = checked.problems.filter(({ file }) => files?.has(file) ?? true);
  const unchecked = checked.unchecked.filter((name) => only?.has(name) ?? true);
  const { unitTests } = checked;
  const data = {
    models: models.length,
    seeds: seeds.length,
    unitTests,
    problems: problems.map(({ file, position, message, hint }) => ({
      file,
      line: position.line,
      column: position.column,
      message,
      hint: hint ?? null,
    })),
    unchecked,
  };
  if (problems.length > 0) {
    if (reporter.json) reporter.result("", data);
    throw new ModelError(problems, unchecked);
  }
  const ran = unitTests === 1 ? "1 unit test" : `${unitTests} unit tests`;
  const passed = unitTests > 0 ? `, ${ran} passed` : "";
  reporter.result(`${models.length} models and ${seeds.length} seeds: no problems${passed}.`, data);
  return exitCodes.done;
}

/** Files of the selected models, with those of their unit tests. */
function filesOf(
  { models }: Project,
  only: ReadonlySet<string> | undefined,
): ReadonlySet<string> | undefined {
  if (only === undefined) return undefined;
  const selected = models.filter(({ name }) => only.has(name));
  return new Set(selected.flatMap((model) => [model.file, unitTestFile(model)]));
}
