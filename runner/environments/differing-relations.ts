import type { RelationState } from "../models/build-state.ts";
import type { Fingerprint } from "../models/fingerprint.ts";
import type { Model, Project } from "../models/project.ts";
import { seedFingerprint } from "../models/publish-seed.ts";

/** What relations are compared with: the published ones, and what files would make of them. */
export type Published = {
  readonly published: ReadonlyMap<string, RelationState>;
  readonly fingerprintOf: (model: Model) => Fingerprint;
};

/**
 * Models and seeds whose files say something else than what is published, with all that reads one
 * whose rows may differ: what stands in an environment. A model with another comment or test stands
 * there alone, since its rows are the published ones.
 * @param order models, each after what it reads
 */
export function differingRelations(
  { seeds }: Pick<Project, "seeds">,
  order: readonly Model[],
  { published, fingerprintOf }: Published,
): ReadonlySet<string> {
  const differing = new Set<string>();
  const withOtherRows = new Set<string>();
  const standing = (name: string): RelationState | undefined => {
    const state = published.get(name);
    return state?.exists === true ? state : undefined;
  };
  for (const seed of seeds) {
    if (standing(seed.name)?.fingerprint === seedFingerprint(seed)) continue;
    differing.add(seed.name);
    withOtherRows.add(seed.name);
  }
  for (const model of order) {
    const state = standing(model.name);
    const { whole, rows } = fingerprintOf(model);
    const readsOther = model.references.some(({ schema, relation }) =>
      withOtherRows.has(`${schema}.${relation}`),
    );
    if (readsOther || state?.rowsFingerprint !== rows) withOtherRows.add(model.name);
    if (withOtherRows.has(model.name) || state?.fingerprint !== whole) differing.add(model.name);
  }
  return differing;
}
