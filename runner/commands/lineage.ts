import "../quick-parser.ts";

import { type Command, exitCodes, type Invocation } from "../command.ts";
import { ConfigError } from "../errors.ts";
import {
  type ColumnTree,
  columnText,
  columnTree,
  type ModelOverview,
  overviewOf,
  usesOf,
} from "../models/describe-lineage.ts";
import { type Lineage, projectLineage } from "../models/lineage.ts";
import { didYouMean } from "../models/near-name.ts";
import { orderModels } from "../models/order.ts";
import { ModelError } from "../models/problem.ts";
import type { Model } from "../models/project.ts";
import { findModel } from "../models/selection.ts";
import { openProject, projectHelp, projectOption } from "../open-project.ts";

export const command: Command = {
  help: `Usage: elt lineage [model[.column]] [options]

Without a model: every model in the order of building, what it reads, and whether only its changed
keys are computed. With one: each column down to the fields that CVDW sends (= copied, ← computed),
and what is made of it. Read from the texts alone; needs no database.

${projectHelp}

Examples: elt lineage · elt lineage vendas · elt lineage marts.vendas.valor --json`,
  options: projectOption,
  takesNames: true,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { names, reporter } = invocation;
  if (names.length > 1) {
    throw new ConfigError(["Give one model or column. See: npm run elt -- help lineage"]);
  }
  const project = await openProject(invocation);
  const { order, problems } = orderModels(project);
  if (project.problems.length + problems.length > 0) {
    throw new ModelError([...project.problems, ...problems]);
  }
  const overview = overviewOf(project, order);
  const [name] = names;
  if (name === undefined) {
    reporter.result(overview.map(formatOverview).join("\n"), overview);
    return exitCodes.done;
  }
  const lineage = projectLineage(project, order);
  const { model, column } = readName(order, name, (text) => findModel(project, text));
  const described = describe(lineage, model, column);
  const own = overview.find((one) => one.model === model.name);
  const head = own === undefined ? [] : [formatOverview(own)];
  reporter.result([...head, ...described.map(formatColumn)].join("\n\n"), {
    ...own,
    columns: described,
  });
  return exitCodes.done;
}

/** `vendas`, `marts.vendas`, `vendas.valor` or `marts.vendas.valor`. */
function readName(
  models: readonly Model[],
  text: string,
  find: (name: string) => Model,
): { readonly model: Model; readonly column: string | undefined } {
  const isModel = models.some(({ name, relation }) => name === text || relation === text);
  const parts = text.split(".");
  if (isModel || parts.length === 1) return { model: find(text), column: undefined };
  const parent = parts.slice(0, -1).join(".");
  const known = models.some(({ name, relation }) => name === parent || relation === parent);
  return known
    ? { model: find(parent), column: parts.at(-1) }
    : { model: find(text), column: undefined };
}

type DescribedColumn = ColumnTree & {
  readonly feeds: readonly { readonly relation: string; readonly column: string }[];
  readonly decidesRowsOf: readonly string[];
};

function describe(
  lineage: Lineage,
  model: Model,
  column: string | undefined,
): readonly DescribedColumn[] {
  const names = (lineage.get(model.name)?.columns ?? []).map(({ name }) => name);
  if (column !== undefined && !names.includes(column)) {
    const near = didYouMean(column, names);
    throw new ConfigError([
      `${model.name} has no column ${column}${near === undefined ? "." : `: ${near}`}`,
    ]);
  }
  return names
    .filter((name) => column === undefined || name === column)
    .map((name) => {
      const source = { relation: model.name, column: name };
      const { columns, rowsOf } = usesOf(lineage, source);
      return { ...columnTree(lineage, source), feeds: columns, decidesRowsOf: rowsOf };
    });
}

function formatOverview({
  model,
  build,
  file,
  reads,
  readBy,
  keyLocal,
  because,
}: ModelOverview): string {
  const lines = [`${model}  (${build}, ${file})`];
  if (reads.length > 0) lines.push(`    reads    ${reads.join(", ")}`);
  if (readBy.length > 0) lines.push(`    feeds    ${readBy.join(", ")}`);
  if (keyLocal) lines.push("    builds   only its changed keys");
  if (because !== null) lines.push(`    builds   whole: ${because}`);
  return lines.join("\n");
}

function formatColumn(column: DescribedColumn): string {
  const lines = [column.column, ...formatSources(column, "    ")];
  if (column.from.length === 0) lines.push("    made of no column");
  if (column.feeds.length > 0) {
    lines.push(`    feeds ${column.feeds.map(columnText).join(", ")}`);
  }
  if (column.decidesRowsOf.length > 0) {
    lines.push(`    decides the rows of ${column.decidesRowsOf.join(", ")}`);
  }
  return lines.join("\n");
}

/** What was followed further above is named again, but not followed again. */
function formatSources(
  { from, copied }: ColumnTree,
  indent: string,
  above: Set<string> = new Set(),
): readonly string[] {
  return from.flatMap((source) => {
    const name = columnText(source);
    const line = `${indent}${copied ? "=" : "←"} ${name}`;
    if (source.from.length > 0 && above.has(name)) return [`${line} (above)`];
    above.add(name);
    return [line, ...formatSources(source, `${indent}    `, above)];
  });
}
