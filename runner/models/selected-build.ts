import { ConfigError } from "../errors.ts";
import type { Model } from "./project.ts";
import { isChanged } from "./publish-definitions.ts";
import type { RunningBuild } from "./running-build.ts";

/** The models that a build is to bring up to date: all of them, or those that were selected. */
export function chosenOf(
  { options }: Pick<RunningBuild, "options">,
  models: readonly Model[],
): readonly Model[] {
  const { only } = options;
  return only === undefined ? models : models.filter(({ name }) => only.has(name));
}

/**
 * What a selected model reads must stand, or be selected too.
 * @throws ConfigError that says what to add
 */
export function assertInputsStand(build: RunningBuild, order: readonly Model[]): void {
  if (build.options.only === undefined) return;
  const chosen = chosenOf(build, order);
  const names = new Set(order.map(({ name }) => name));
  const problems = chosen.flatMap((model) => {
    const missing = model.references
      .map(({ schema, relation }) => `${schema}.${relation}`)
      .filter((name) => names.has(name) && !chosen.some((one) => one.name === name))
      .filter((name) => build.states.get(name)?.exists !== true);
    return missing.length === 0
      ? []
      : [
          `${model.name} reads ${[...new Set(missing)].join(" and ")}, which was never built: select +${model.name}.`,
        ];
  });
  if (problems.length > 0) throw new ConfigError(problems);
}

/**
 * The models whose tests a build may have broken: those it was to build, and others that stand as
 * their files say, since rows that they point at may be gone.
 */
export function testableOf(build: RunningBuild, models: readonly Model[]): readonly Model[] {
  if (build.options.only === undefined) return models;
  const chosen = new Set(chosenOf(build, models));
  return models.filter((model) => chosen.has(model) || !isChanged(build, model));
}

/** The same build without the tests that read something which does not stand. */
export function withStandingTests(build: RunningBuild): RunningBuild {
  if (build.options.only === undefined) return build;
  const stands = (name: string): boolean =>
    name.startsWith("landing.") ||
    name.startsWith("seeds.") ||
    build.standIns.has(name) ||
    build.states.get(name)?.exists === true;
  const tests = build.project.tests.filter(({ references }) =>
    references.every(({ schema, relation }) => stands(`${schema}.${relation}`)),
  );
  return { ...build, project: { ...build.project, tests } };
}
