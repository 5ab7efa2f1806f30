import { query, sql } from "../../extract/query.ts";
import { inputsOf } from "../models/build-state.ts";
import { unbuiltLoads } from "../models/landing-changes.ts";
import { callsOf, clockOf, latest } from "../models/model-clock.ts";
import type { Model } from "../models/project.ts";
import type { EnvironmentBuild } from "./environment-build.ts";

/** Tells what an environment's numbers cannot mean, before they are computed. */
export async function warnOfLimits(
  build: EnvironmentBuild,
  models: readonly Model[],
): Promise<void> {
  const warn = (message: string) => build.emit({ type: "warning", message });
  if (build.asOf === undefined) {
    const newer = await newerThanPublished(build, models);
    if (newer.length > 0) {
      warn(
        `Landing has records of ${newer.join(", ")} that are not published yet, so what differs is not only the models' doing: npm run elt -- build publishes them.`,
      );
    }
    return;
  }
  warn("Mappings (models/seeds) are those of today: their past is not kept.");
  const asking = models.filter((model) => asksForTime(build, model)).map(({ name }) => name);
  if (asking.length > 0) {
    warn(
      `Asked for otherwise than by elt.hoje(), the time is that of now and not of ${build.asOf}, in ${asking.join(", ")}.`,
    );
  }
}

/** Objects that models of the environment read, with rows that the published ones do not hold. */
async function newerThanPublished(
  build: EnvironmentBuild,
  models: readonly Model[],
): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const model of models) {
    if (build.published.get(model.name)?.exists !== true) continue;
    const direct = { references: model.references.filter(({ schema }) => schema === "landing") };
    const { objects } = inputsOf(direct, build.project);
    for (const [object, loads] of await unbuiltLoads(build.client, model.name, objects)) {
      const [row] = await query<{ newer: boolean }>(
        build.client,
        sql`
          select
            exists (
              select from landing.${sql.ident(object)}
              where load_id = any (${loads.map(String)}::bigint[])
            )
            or exists (
              select from elt.removals
              where objeto = ${object}
                and (
                  removed_in = any (${loads.map(String)}::bigint[])
                  or returned_in = any (${loads.map(String)}::bigint[])
                )
            ) as newer`,
      );
      if (row?.newer === true) found.add(object);
    }
  }
  return [...found].sort();
}

/** Its text, or a function of its, asks a clock that the day of the environment does not turn. */
function asksForTime({ functions }: EnvironmentBuild, model: Model): boolean {
  const calls = callsOf(model);
  const others = [...calls.functions].filter((name) => name !== "elt.hoje");
  return (
    latest([
      calls.clock,
      clockOf({ ...calls, clock: "none", functions: new Set(others) }, functions),
    ]) !== "none"
  );
}
