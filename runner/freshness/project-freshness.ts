import { landingObjects } from "../models/order.ts";
import type { Model } from "../models/project.ts";

/** What a project declares of an object of the source. */
export type ObjectFreshness = {
  readonly object: string;
  /** The staging models that declare it. */
  readonly models: readonly string[];
  readonly warnSeconds: number | null;
  readonly errorSeconds: number | null;
  readonly blocks: boolean;
  /** Every model that its rows flow into, those of staging included, in the order given. */
  readonly feeds: readonly string[];
};

/**
 * The objects that a project declares ages for. Of several models that read one object the
 * strictest age counts.
 * @param order the project's models, each after what it reads
 */
export function projectFreshness(order: readonly Model[]): readonly ObjectFreshness[] {
  const declaring = order.filter(({ header }) => header.fresh !== undefined);
  return landingObjects(declaring).map((object) => {
    const models = declaring.filter((model) => landingObjects([model]).includes(object));
    const declared = models.flatMap(({ header }) => header.fresh ?? []);
    const names = models.map(({ name }) => name);
    return {
      object,
      models: names,
      warnSeconds: strictest(declared.map(({ warnSeconds }) => warnSeconds)),
      errorSeconds: strictest(declared.map(({ errorSeconds }) => errorSeconds)),
      blocks: declared.some(({ blocks }) => blocks),
      feeds: fedBy(order, names),
    };
  });
}

/** Models and all that reads them, directly or through others, in the order given. */
export function fedBy(order: readonly Model[], names: readonly string[]): readonly string[] {
  const fed = new Set(names);
  for (const { name, references } of order) {
    const reads = references.map(({ schema, relation }) => `${schema}.${relation}`);
    if (reads.some((read) => fed.has(read))) fed.add(name);
  }
  return order.map(({ name }) => name).filter((name) => fed.has(name));
}

function strictest(ages: readonly (number | null)[]): number | null {
  const given = ages.filter((age) => age !== null);
  return given.length === 0 ? null : Math.min(...given);
}
