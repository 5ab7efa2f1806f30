import { connect } from "../../extract/connection.ts";
import { ConfigError } from "../errors.ts";
import type { ModelResult } from "../events.ts";
import { recordTests } from "../models/build-record.ts";
import { callsOfExpression, clockOf } from "../models/model-clock.ts";
import type { ModelTest } from "../models/model-test.ts";
import { landingObjectOf, landingObjects, orderOf } from "../models/order.ts";
import type { Model, Project } from "../models/project.ts";
import { reportTests } from "../models/run-build-tests.ts";
import { isFailing, TestFailure, type TestResult } from "../models/test-failure.ts";
import { compareHeadlines, type Headline } from "./compare-headlines.ts";
import { type Comparison, comparePublished } from "./compare-published.ts";
import { differingRelations } from "./differing-relations.ts";
import { rememberEnvironment } from "./environment.ts";
import {
  type EnvironmentBuild,
  type EnvironmentContext,
  type EnvironmentRequest,
  openSchema,
} from "./environment-build.ts";
import { fillRelation, fillSeed } from "./fill-relation.ts";
import { leaveEnvironment } from "./leave-environment.ts";
import { createMissingObjects, openEnvironment } from "./open-environment.ts";
import { namedIn, testPlaced } from "./place-tests.ts";
import { warnOfLimits } from "./warn-of-limits.ts";

/** What a build of an environment did, and how it differs from what is published. */
export type EnvironmentReport = Comparison & {
  readonly environment: string;
  readonly asOf: string | null;
  /** Seeds, tables and views that stand in it, in the order of building. */
  readonly models: readonly ModelResult[];
  /** What left it, since its files say again what is published. */
  readonly left: readonly string[];
  /** Guarded numbers that differ from what is published; an environment is never held back. */
  readonly headlines: readonly Headline[];
  /** Tests that found rows. */
  readonly findings: readonly TestResult[];
};

/**
 * Builds in an environment what differs from what is published, with all that reads it; everything
 * else is read where it is published. Of a day of the past all models are built. One transaction,
 * of which a failure leaves nothing; nothing that is published is written.
 *
 * @throws ConfigError for a name, day or selection that cannot be
 * @throws ModelError when a model is wrong, TestFailure when a test of severity error finds rows
 */
export async function buildEnvironment(
  context: EnvironmentContext,
  project: Project,
  request: EnvironmentRequest,
): Promise<EnvironmentReport> {
  const order = orderOf(project);
  await createMissingObjects(context.pool, order);
  const { client, release } = await connect(context.pool);
  const record = (results: readonly TestResult[]) =>
    recordTests(context.pool, context.runId, namedIn(request.name, results));
  try {
    // One snapshot: what is published or landed meanwhile is seen by every model or by none.
    await client.query("begin isolation level repeatable read; set local jit = off");
    // Before the snapshot: it shows landing as it is before or after somebody is forgotten.
    await client.query("lock table elt.environments in row exclusive mode");
    const build = await openEnvironment(context, client, project, { order, request });
    const models = await buildDiffering(build, order, request);
    const left = request.only === undefined ? await leaveEnvironment(build) : [];
    const standing = order.filter(({ name }) => build.standIns.has(name));
    const tests = await testStanding(build, order, standing, request);
    const comparison = await comparePublished(build, { project, order, models: standing });
    const headlines = await compareHeadlines(build, standing);
    if (build.schemas.size > 0) await remember(build, scopeOf(build, request));
    await client.query(request.end === "commit" ? "commit" : "rollback");
    await record(tests);
    return {
      environment: request.name,
      asOf: build.asOf ?? null,
      models,
      left,
      findings: tests.filter(isFailing),
      ...comparison,
      headlines,
    };
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    if (error instanceof TestFailure) await record(error.all);
    throw error;
  } finally {
    release();
  }
}

/** Seeds, tables and views of the environment, each after what it reads. */
async function buildDiffering(
  build: EnvironmentBuild,
  order: readonly Model[],
  { only }: EnvironmentRequest,
): Promise<readonly ModelResult[]> {
  const { project, standing, standIns, asOf } = build;
  const wanted =
    asOf === undefined
      ? differingRelations(project, order, build)
      : new Set([...project.seeds, ...order].map(({ name }) => name));
  const isChosen = (name: string) => only?.has(name) ?? true;
  const stands = (name: string) => standing.get(name)?.exists === true;
  const seeds = project.seeds.filter(({ name }) => wanted.has(name));
  const models = order.filter(({ name }) => wanted.has(name) && (isChosen(name) || stands(name)));
  const chosen = models.filter(({ name }) => isChosen(name));
  for (const { name } of [...seeds, ...models]) {
    const [schema = ""] = name.split(".");
    standIns.set(name, await openSchema(build, schema));
  }
  if (build.schemas.size > 0) await remember(build, "some models");
  assertInputsStand(build, chosen);
  await warnOfLimits(build, chosen);
  const results: ModelResult[] = [];
  const timed = async (name: string, work: () => Promise<Omit<ModelResult, "model" | "ms">>) => {
    const started = performance.now();
    const done = await work();
    const ms = Math.round(performance.now() - started);
    const result: ModelResult = { model: `${build.environment.name}_${name}`, ...done, ms };
    results.push(result);
    build.emit({ type: "model-built", ...result });
  };
  for (const seed of seeds) await timed(seed.name, () => fillSeed(build, seed));
  for (const model of chosen) await timed(model.name, () => fillRelation(build, model));
  return results;
}

type Scope = Parameters<typeof rememberEnvironment>[2];

/** Whether every table that stands in it is brought up to date: of some nothing may be known. */
function scopeOf({ standing, standIns }: EnvironmentBuild, { only }: EnvironmentRequest): Scope {
  const isWhole = only === undefined && [...standing.keys()].every((name) => standIns.has(name));
  return isWhole ? "all models" : "some models";
}

/** Schemas may be added while it is built. */
async function remember(
  { client, environment, schemas }: EnvironmentBuild,
  scope: Scope,
): Promise<void> {
  await rememberEnvironment(client, { ...environment, schemas: [...schemas] }, scope);
}

/** A selected model may read what is published; of a day of the past nothing is. */
function assertInputsStand(build: EnvironmentBuild, chosen: readonly Model[]): void {
  const { project, standIns, published, asOf, environment } = build;
  const own = new Set(project.models.map(({ name }) => name));
  const problems = chosen.flatMap((model) => {
    const missing = model.references
      .map(({ schema, relation }) => `${schema}.${relation}`)
      .filter((name) => own.has(name) && !standIns.has(name))
      .filter((name) => asOf !== undefined || published.get(name)?.exists !== true);
    return missing.length === 0
      ? []
      : [
          `${model.name} reads ${[...new Set(missing)].join(" and ")}, which was never built in ${environment.name}: select +${model.name}.`,
        ];
  });
  if (problems.length > 0) throw new ConfigError(problems);
}

/** The tests that this build may have broken: what stood before it passed them. */
async function testStanding(
  build: EnvironmentBuild,
  order: readonly Model[],
  models: readonly Model[],
  { end }: EnvironmentRequest,
): Promise<readonly TestResult[]> {
  const stands = (name: string): boolean =>
    build.standIns.has(name) ||
    (build.asOf === undefined &&
      (build.published.get(name)?.exists === true || isOfLanding(build.project, name)));
  const isDue = (model: Model, test: ModelTest) => mayBreak(build, model, test);
  const tests = await testPlaced(build, build.project, order, { models, stands, isDue });
  try {
    reportTests(tests, build.emit);
  } catch (error) {
    // A test that fails is part of a plan; the numbers of such a build are of interest, too.
    if (!(error instanceof TestFailure) || end === "commit") throw error;
  }
  return tests;
}

async function mayBreak(
  { touched, standIns, functions }: EnvironmentBuild,
  model: Model,
  { rule }: ModelTest,
): Promise<boolean> {
  if (touched.has(model.name)) return true;
  switch (rule.kind) {
    case "references":
      return touched.has(rule.target) || !standIns.has(rule.target);
    case "check": {
      const calls = await callsOfExpression(rule.expression);
      return calls.hasSubquery || clockOf(calls, functions) !== "none";
    }
    default:
      return false;
  }
}

function isOfLanding({ models }: Project, name: string): boolean {
  const [schema, relation = ""] = name.split(".");
  return schema === "landing" && landingObjects([...models]).includes(landingObjectOf(relation));
}
