import { compareColumns } from "./column-changes.ts";
import { quoted } from "./draft.ts";
import { startOfSelect } from "./position.ts";
import { ModelError, type ModelProblem } from "./problem.ts";
import type { Model } from "./project.ts";
import type { RunningBuild } from "./running-build.ts";
import { columnsOf } from "./table-diff.ts";

/** What readers of a published relation would lose. */
export type Loss = { readonly model: Model; readonly losses: readonly string[] };

/**
 * Readers of tables lose columns only when that was asked for; what they lose is told in any case.
 * @throws ModelError that names every loss
 */
export function refuseTableLosses(build: RunningBuild): void {
  // What stands in staging has no readers outside.
  refuse(
    build,
    build.swaps.filter(({ schema }) => schema.startsWith("marts")),
  );
}

/**
 * The same of views, which stand beside the published ones.
 * @throws ModelError that names every loss
 */
export async function refuseViewLosses(
  build: RunningBuild,
  beside: readonly Model[],
): Promise<void> {
  refuse(build, await viewLosses(build, beside));
}

/** What readers of views would lose, once these take the places of the published ones. */
export async function viewLosses(
  build: RunningBuild,
  beside: readonly Model[],
): Promise<readonly Loss[]> {
  const losses: Loss[] = [];
  for (const view of beside) {
    const schema = build.standIns.get(view.name);
    if (schema === undefined || view.stage === "staging") continue;
    const published = await columnsOf(build.client, quoted(view.schema, view.relation));
    const wanted = await columnsOf(build.client, quoted(schema, view.relation));
    const change = compareColumns(published, wanted);
    losses.push({ model: view, losses: change.losses });
  }
  return losses;
}

function refuse(build: RunningBuild, losses: readonly Loss[]): void {
  const lossy = losses
    .filter((one) => one.losses.length > 0)
    .map(({ model, losses: lost }) => ({ model, message: `${model.name}: ${lost.join("; ")}` }));
  if (lossy.length > 0 && build.options.allowDestructive !== true) {
    throw new ModelError(lossy.map(({ model, message }) => problemOfChange(model, message)));
  }
  for (const { message } of lossy) build.emit({ type: "warning", message: `${message}.` });
}

/** A change of definition that cannot be published as it is. */
export function problemOfChange(model: Model, message: string): ModelProblem {
  return {
    file: model.file,
    text: model.text,
    position: startOfSelect(model.text),
    message,
    hint: "Reports are built on published columns: keep them and add new ones at the end, or build with --allow-destructive.",
  };
}
