import { hasMoved, type KpiMove, measureKpis } from "../guardrail/measure-kpis.ts";
import { comparableRows } from "../guardrail/row-versions.ts";
import type { Model } from "../models/project.ts";
import { type EnvironmentBuild, placeIn } from "./environment-build.ts";

/**
 * The guarded numbers of an environment that are not those which are published, by account.
 * @param models those that stand in the environment
 */
export async function compareHeadlines(
  build: Pick<EnvironmentBuild, "client" | "standIns">,
  models: readonly Model[],
): Promise<readonly KpiMove[]> {
  const moves: KpiMove[] = [];
  for (const model of models.filter(({ guards }) => guards.length > 0)) {
    const place = placeIn(build, model.schema, model.relation);
    const { guards, before, after } = await comparableRows(build, model, place);
    moves.push(
      ...(await measureKpis(build.client, { model, guards, versions: { before, after } })),
    );
  }
  return moves.filter(hasMoved);
}
