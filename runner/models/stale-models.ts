import type { Queryable } from "../../extract/query.ts";
import { type RelationState, readStates } from "./build-state.ts";
import { fingerprintsOf } from "./fingerprint.ts";
import { readKnownFunctions } from "./known-functions.ts";
import type { Model, Project } from "./project.ts";
import { seedFingerprint } from "./publish-seed.ts";
import type { Seed } from "./seed.ts";

/**
 * Models of which the database does not hold what their files say: never built, or built from
 * another text. Those that only read such a model are not among them.
 * @param built what stands; what is published by default
 */
export async function changedModels(
  database: Queryable,
  project: Project,
  built?: ReadonlyMap<string, RelationState>,
): Promise<ReadonlySet<string>> {
  const states = built ?? (await readStates(database));
  const fingerprintOf = fingerprintsOf(project, await readKnownFunctions(database));
  const isChanged = (model: Model): boolean => {
    const state = states.get(model.name);
    return state?.exists !== true || state.fingerprint !== fingerprintOf(model).whole;
  };
  return new Set(project.models.filter(isChanged).map(({ name }) => name));
}

/** Mappings whose files hold other rows than what is built. */
export async function changedSeeds(
  database: Queryable,
  project: Project,
  built?: ReadonlyMap<string, RelationState>,
): Promise<readonly Seed[]> {
  const states = built ?? (await readStates(database));
  return project.seeds.filter((seed) => {
    const state = states.get(seed.name);
    return state?.exists !== true || state.fingerprint !== seedFingerprint(seed);
  });
}
