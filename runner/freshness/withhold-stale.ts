import type { BuildEvent } from "../events.ts";
import type { Model } from "../models/project.ts";
import type { BuildOptions, RunningBuild } from "../models/running-build.ts";
import { projectFreshness } from "./project-freshness.ts";
import { readSourceAges } from "./source-ages.ts";

/** What a build leaves as published because a source is too old, by the objects that are. */
export type Withheld = {
  readonly models: readonly string[];
  readonly objects: readonly string[];
};

/**
 * Tells which sources are older than declared, and leaves out of a build what those that block feed.
 * The rest is built as if it had been selected.
 */
export async function withholdStale(
  { client, emit }: Pick<RunningBuild, "client" | "emit">,
  order: readonly Model[],
  options: BuildOptions,
): Promise<{ readonly only: BuildOptions["only"]; readonly withheld: Withheld }> {
  const declared = projectFreshness(order);
  const ages = await readSourceAges(client, options.now ?? new Date(), declared);
  const blocking = ages.filter(({ level, blocks }) => level === "error" && blocks);
  const asked = options.only ?? new Set(order.map(({ name }) => name));
  const fed = new Set(blocking.flatMap(({ feeds }) => feeds));
  const models = order.map(({ name }) => name).filter((name) => asked.has(name) && fed.has(name));
  for (const age of ages) {
    if (age.level === "fresh") continue;
    const event: BuildEvent = {
      type: "source-stale",
      ...age,
      level: age.level,
      withholds: blocking.includes(age),
    };
    emit(event);
  }
  if (models.length === 0) return { only: options.only, withheld: { models, objects: [] } };
  const kept = new Set(models);
  return {
    only: new Set([...asked].filter((name) => !kept.has(name))),
    withheld: { models, objects: [...new Set(blocking.map(({ object }) => object))] },
  };
}
