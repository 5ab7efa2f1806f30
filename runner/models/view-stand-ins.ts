import { execute, sql } from "../../extract/query.ts";
import { assertHeaderColumns, wholeText } from "./compute-rows.ts";
import type { Model } from "./project.ts";
import { isChanged } from "./publish-definitions.ts";
import { runModel } from "./run-model.ts";
import { dropEmptyStandInSchemas, openStandInSchema, type RunningBuild } from "./running-build.ts";
import { columnsOf } from "./table-diff.ts";

/**
 * Puts views that will be defined anew, or that read something with a new definition, beside the
 * published ones: what follows reads and tests them there, and nobody waits for it.
 * @param views in an order in which each comes after what it reads
 * @throws ModelError when a text fails
 */
export async function putViewsBeside(
  build: RunningBuild,
  views: readonly Model[],
): Promise<readonly Model[]> {
  const beside: Model[] = [];
  for (const view of views) {
    const readsStandIn = view.references.some(({ schema, relation }) =>
      build.standIns.has(`${schema}.${relation}`),
    );
    if (!readsStandIn && !isChanged(build, view)) continue;
    if (!build.standIns.has(view.name)) {
      const schema = await openStandInSchema(build, view.schema);
      await runModel(build.client, view, {
        before: `create view "${schema}"."${view.relation.replaceAll('"', '""')}" as`,
        edited: wholeText(build, view),
      });
      assertHeaderColumns(view, await columnsOf(build.client, `${schema}.${view.relation}`));
      build.standIns.set(view.name, schema);
    }
    beside.push(view);
  }
  return beside;
}

/** Takes them away again: their place is where they are published. */
export async function removeViewsBeside(
  build: RunningBuild,
  views: readonly Model[],
): Promise<void> {
  for (const view of [...views].reverse()) {
    const schema = build.standIns.get(view.name);
    if (schema === undefined) continue;
    await execute(build.client, sql`drop view ${sql.ident(schema, view.relation)}`);
    build.standIns.delete(view.name);
  }
  await dropEmptyStandInSchemas(build);
}
