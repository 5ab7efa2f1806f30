import type { Pool, PoolClient } from "pg";
import { connect } from "../../extract/connection.ts";
import { execute, query, sql } from "../../extract/query.ts";
import { ConfigError } from "../errors.ts";
import type { BuildEvent, ModelResult } from "../events.ts";
import { recordTests } from "../models/build-record.ts";
import { readStates } from "../models/build-state.ts";
import { fingerprintsOf } from "../models/fingerprint.ts";
import { readKnownFunctions } from "../models/known-functions.ts";
import { callsOfExpression, clockOf } from "../models/model-clock.ts";
import type { ModelTest } from "../models/model-test.ts";
import { landingObjectOf, landingObjects, landingRelations, orderOf } from "../models/order.ts";
import type { Model, Project } from "../models/project.ts";
import { reportTests } from "../models/run-build-tests.ts";
import { isFailing, TestFailure, type TestResult } from "../models/test-failure.ts";
import { assertKnown, createLandingViews, endOf } from "./as-of-landing.ts";
import { type Comparison, comparePublished } from "./compare-published.ts";
import { differingRelations } from "./differing-relations.ts";
import {
  assertSchemasFree,
  type Environment,
  findEnvironment,
  rememberEnvironment,
} from "./environment.ts";
import { type EnvironmentBuild, openSchema } from "./environment-build.ts";
import { readRelations } from "./environment-relations.ts";
import { fillRelation, fillSeed } from "./fill-relation.ts";
import { leaveEnvironment } from "./leave-environment.ts";
import { namedIn, testPlaced } from "./place-tests.ts";
import { warnOfLimits } from "./warn-of-limits.ts";
import { readLanded } from "./what-changed.ts";

export type EnvironmentContext = {
  readonly pool: Pool;
  readonly runId: bigint;
  readonly emit: (event: BuildEvent) => void;
};

/** How a build of an environment is asked for. */
export type EnvironmentRequest = {
  readonly name: string;
  /** `YYYY-MM-DD`: as the source was known when that day ended. An environment keeps its day. */
  readonly asOf?: string | undefined;
  /** Names of the models to bring up to date; the others stay as they stand. */
  readonly only?: ReadonlySet<string> | undefined;
  readonly fullRefresh?: boolean | undefined;
  /** `roll back` only tells what the environment would hold. */
  readonly end: "commit" | "roll back";
};

/** What a build of an environment did, and how it differs from what is published. */
export type EnvironmentReport = Comparison & {
  readonly environment: string;
  readonly asOf: string | null;
  /** Seeds, tables and views that stand in it, in the order of building. */
  readonly models: readonly ModelResult[];
  /** What left it, since its files say again what is published. */
  readonly left: readonly string[];
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
    const build = await openBuild(context, client, project, { order, request });
    const models = await buildDiffering(build, order, request);
    const left = request.only === undefined ? await leaveEnvironment(build) : [];
    const standing = order.filter(({ name }) => build.standIns.has(name));
    const tests = await testStanding(build, order, standing, request);
    const comparison = await comparePublished(build, { project, order, models: standing });
    if (build.schemas.size > 0) await remember(build);
    await client.query(request.end === "commit" ? "commit" : "rollback");
    await record(tests);
    return {
      environment: request.name,
      asOf: build.asOf ?? null,
      models,
      left,
      findings: tests.filter(isFailing),
      ...comparison,
    };
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    if (error instanceof TestFailure) await record(error.all);
    throw error;
  } finally {
    release();
  }
}

/**
 * Landing tables of objects that were never extracted, by transactions of their own: creating one
 * keeps extractions from creating others.
 */
async function createMissingObjects(pool: Pool, order: readonly Model[]): Promise<void> {
  for (const object of landingObjects(order)) {
    const [row] = await query<{ exists: boolean }>(
      pool,
      sql`select to_regclass(format('landing.%I', ${`${object}_atual`}::text)) is not null as exists`,
    );
    if (row?.exists !== true) await execute(pool, sql`select landing.create_object(${object})`);
  }
}

type Opening = { readonly order: readonly Model[]; readonly request: EnvironmentRequest };

async function openBuild(
  { runId, emit }: EnvironmentContext,
  client: PoolClient,
  project: Project,
  { order, request }: Opening,
): Promise<EnvironmentBuild> {
  const known = await findEnvironment(client, request.name);
  const asOf = dayOf(known, request);
  const environment = { name: request.name, schemas: [], ...known, asOf };
  await assertSchemasFree(client, environment);
  const [row] = await query<{ day: string }>(client, sql`select elt.hoje()::text as day`);
  const today = row?.day ?? "";
  const past = asOf === undefined ? undefined : await endOf(client, asOf);
  const objects = landingObjects([...order]);
  if (past !== undefined) await assertKnown(client, past, { objects, today });
  const functions = await readKnownFunctions(client);
  const standing = new Map(await readRelations(client, request.name));
  let temporaryTables = 0;
  const build: EnvironmentBuild = {
    client,
    runId,
    emit,
    project,
    environment,
    fullRefresh: request.fullRefresh === true,
    asOf,
    day: asOf ?? today,
    functions,
    fingerprintOf: fingerprintsOf(project, functions),
    published: await readStates(client),
    standing,
    standIns: new Map(),
    touched: new Set(),
    landed: await readLanded(client, objects, past?.until),
    schemas: new Set(environment.schemas),
    temporaryName: (purpose) => `elt_${purpose}_${++temporaryTables}`,
  };
  if (past !== undefined) {
    const schema = await openSchema(build, "landing");
    const relations = landingRelations(project);
    await createLandingViews(client, schema, relations, past);
    for (const relation of relations) build.standIns.set(`landing.${relation}`, schema);
  }
  return build;
}

/** An environment keeps its day: what is tried out in it is tried on the same records. */
function dayOf(known: Environment | undefined, request: EnvironmentRequest): string | undefined {
  const { name, asOf, only } = request;
  if (known?.asOf !== undefined && asOf !== undefined && asOf !== known.asOf && only) {
    throw new ConfigError([
      `The environment ${name} shows ${known.asOf}, and another day is another for all of its models: leave --select out.`,
    ]);
  }
  if (known === undefined || known.asOf !== undefined) return asOf ?? known?.asOf;
  if (asOf === undefined) return undefined;
  throw new ConfigError([
    `The environment ${name} shows what is landed now: give another name for ${asOf}, or drop it first: npm run elt -- env drop ${name}`,
  ]);
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
  if (build.schemas.size > 0) await remember(build);
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

/** Schemas may be added while it is built. */
async function remember({ client, environment, schemas }: EnvironmentBuild): Promise<void> {
  await rememberEnvironment(client, { ...environment, schemas: [...schemas] });
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
