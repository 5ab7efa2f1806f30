import { hasMoved, type KpiMove, measureKpis } from "../guardrail/measure-kpis.ts";
import { comparableRows } from "../guardrail/row-versions.ts";
import type { Model } from "../models/project.ts";
import { type EnvironmentBuild, placeIn } from "./environment-build.ts";

/** A guarded number of one account, as it is published and as an environment has it. */
export type Headline = Pick<
  KpiMove,
  "model" | "kpi" | "conta" | "before" | "after" | "delta" | "percent"
>;

/**
 * The guarded numbers of an environment that are not those which are published, by account.
 * @param models those that stand in the environment
 */
export async function compareHeadlines(
  build: Pick<EnvironmentBuild, "client" | "standIns">,
  models: readonly Model[],
): Promise<readonly Headline[]> {
  const moves: KpiMove[] = [];
  for (const model of models.filter(({ guards }) => guards.length > 0)) {
    const place = placeIn(build, model.schema, model.relation);
    const { guards, before, after } = await comparableRows(build, model, place);
    moves.push(
      ...(await measureKpis(build.client, { model, guards, versions: { before, after } })),
    );
  }
  return moves.filter(hasMoved).map(({ model, kpi, conta, before, after, delta, percent }) => {
    return { model, kpi, conta, before, after, delta, percent };
  });
}
