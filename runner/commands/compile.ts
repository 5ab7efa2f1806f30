import "../quick-parser.ts";

import { type Command, exitCodes, type Invocation } from "../command.ts";
import { ConfigError } from "../errors.ts";
import { type CompiledModel, compileModel } from "../models/compile-model.ts";
import { ModelError } from "../models/problem.ts";
import { findModel } from "../models/selection.ts";
import { openProject, projectHelp, projectOption } from "../open-project.ts";

export const command: Command = {
  help: `Usage: elt compile <model> [options]

Shows what a build sends to PostgreSQL: the file's SELECT over all rows, and, for a model proved
key-local, the same text over the changed keys alone, which stand in the table elt_keys. For any
other it tells why it is always computed whole. Needs no database.

${projectHelp}`,
  options: projectOption,
  takesNames: true,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const [name, second] = invocation.names;
  if (name === undefined || second !== undefined) {
    throw new ConfigError(["Give one model: elt compile vendas. See: npm run elt -- help compile"]);
  }
  const project = await openProject(invocation);
  const model = findModel(project, name);
  const problems = project.problems.filter(({ file }) => file === model.file);
  if (problems.length > 0) throw new ModelError(problems);
  const compiled = compileModel(project, model);
  invocation.reporter.result(formatCompiled(compiled), {
    ...compiled,
    forKeys: compiled.forKeys ?? null,
    because: compiled.because ?? null,
  });
  return exitCodes.done;
}

function formatCompiled({ model, build, whole, forKeys, because, masked }: CompiledModel): string {
  const head = `-- ${model}, ${build === "view" ? "as a view" : "all rows"}`;
  const masks = masked.length > 0 ? [`-- masked where it is published: ${masked.join(", ")}`] : [];
  if (build === "view") return [head, whole].join("\n");
  const second =
    forKeys === undefined
      ? [`-- always computed whole: ${because ?? ""}`]
      : [
          `-- for the changed keys (${forKeys.key.join(", ")}) in elt_keys (${forKeys.key.map((_, i) => `k${i + 1}`).join(", ")})`,
          forKeys.sql,
        ];
  return [head, ...masks, `${whole};`, "", ...second].join("\n");
}
