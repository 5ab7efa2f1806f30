import type { Pool, PoolClient } from "pg";
import { connect } from "../../extract/connection.ts";
import { query, sql } from "../../extract/query.ts";
import type { BuildEvent, ModelResult } from "../events.ts";
import { projectFreshness } from "../freshness/project-freshness.ts";
import { storeFreshness } from "../freshness/source-ages.ts";
import { type Withheld, withholdStale } from "../freshness/withhold-stale.ts";
import { guardBuild } from "../guardrail/guard-build.ts";
import { KpiHeld } from "../guardrail/held-kpi.ts";
import {
  holdBack,
  type LetThrough,
  letThrough,
  releaseHolds,
  tellReleased,
} from "../guardrail/hold-back.ts";
import { grantToBiRoles } from "./access.ts";
import { recordFailedModel, recordModels, recordPublication, recordTests } from "./build-record.ts";
import { buildSeed, buildTable, rememberView } from "./build-relation.ts";
import { readStates } from "./build-state.ts";
import { hidePersonal, KEEP_CHANGES_DAYS, pruneChanges } from "./change-log.ts";
import { removeColumnsAside } from "./fill-table.ts";
import { fingerprintsOf } from "./fingerprint.ts";
import { readKnownFunctions } from "./known-functions.ts";
import { orderOf } from "./order.ts";
import { prepareDatabase } from "./prepare-database.ts";
import type { Model, Project } from "./project.ts";
import { isChanged, publishDefinitions } from "./publish-definitions.ts";
import { refuseTableLosses, refuseViewLosses } from "./refuse-losses.ts";
import { removeAbandoned } from "./relation-record.ts";
import { reportTests, testBuild, testFiles } from "./run-build-tests.ts";
import type { BuildOptions, RunningBuild } from "./running-build.ts";
import { assertInputsStand, chosenOf, testableOf, withStandingTests } from "./selected-build.ts";
import type { RowChanges } from "./table-diff.ts";
import { TestFailure, type TestResult } from "./test-failure.ts";
import { putViewsBeside, removeViewsBeside } from "./view-stand-ins.ts";

export type BuildContext = {
  readonly pool: Pool;
  readonly runId: bigint;
  readonly emit: (event: BuildEvent) => void;
};

/** What a build published. */
export type BuildResult = {
  readonly publicationId: string;
  readonly models: readonly ModelResult[];
  readonly tests: readonly TestResult[];
  /** Of the time it took, what tests took. */
  readonly testMs: number;
  readonly changes: RowChanges;
  /** What stays as it was published because its source is too old. */
  readonly withheld: Withheld;
};

/**
 * Brings every model up to date in order, tests it and publishes all of it in one transaction: a
 * reader sees the old state or the new one. Only what changed since the last build is computed,
 * written and tested. Any failure rolls everything back; results are recorded through other
 * connections, so that the rollback keeps them.
 *
 * @throws ModelError when a model is wrong, TestFailure when a test of severity error finds rows,
 * KpiHeld when a guarded number would move too far
 */
export async function buildProject(
  context: BuildContext,
  project: Project,
  options: BuildOptions = {},
): Promise<BuildResult> {
  const order = orderOf(project);
  await prepareDatabase(context.pool, order, context.emit);

  const { client, release } = await connect(context.pool);
  const models: ModelResult[] = [];
  let build: RunningBuild | undefined;
  try {
    // One snapshot: an extraction that commits meanwhile is seen by every model or by none.
    await client.query("begin isolation level repeatable read; set local jit = off");
    build = await openBuild(context, client, project, options);
    const { tests, testMs, guarded } = await buildAndTest(build, context, order, models);
    const changes = sumChanges(models);
    await storeFreshness(client, projectFreshness(order));
    const publicationId = await recordPublication(client, context.runId, changes);
    const released = await releaseHolds(build, guarded);
    await client.query("commit");
    await recordModels(context.pool, context.runId, models);
    await recordTests(context.pool, context.runId, tests);
    context.emit({ type: "published", publicationId, changes });
    await tellReleased(context, released);
    return { publicationId, models, tests, testMs, changes, withheld: build.withheld };
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    if (build !== undefined) await removeColumnsAside(build);
    if (error instanceof TestFailure) {
      await recordTests(context.pool, context.runId, error.all);
    }
    if (error instanceof KpiHeld) throw await holdBack(context, error, options.accept);
    throw error;
  } finally {
    release();
  }
}

/** Reads what a build must know before it begins, inside the client's transaction. */
export async function openBuild(
  { pool, runId, emit }: BuildContext,
  client: PoolClient,
  project: Project,
  options: BuildOptions,
): Promise<RunningBuild> {
  const [today] = await query<{ day: string }>(client, sql`select elt.hoje()::text as day`);
  const functions = await readKnownFunctions(client);
  const states = await readStates(client);
  const { only, withheld } = await withholdStale({ client, emit }, orderOf(project), options);
  let temporaryTables = 0;
  return {
    client,
    pool,
    runId,
    project,
    options: { ...options, only },
    withheld,
    emit,
    day: today?.day ?? "",
    functions,
    fingerprintOf: fingerprintsOf(project, functions),
    states: new Map(states),
    statesBefore: states,
    plans: new Map(),
    changes: new Map(),
    standIns: new Map(),
    swaps: [],
    addedAside: [],
    standInSchemas: new Set(),
    temporaryName: (purpose) => `elt_${purpose}_${++temporaryTables}`,
  };
}

/**
 * Everything that takes time comes first, tests included, on relations that stand beside the
 * published ones where these will be defined anew. New definitions, which readers must wait for, are
 * the last thing before the commit.
 */
async function buildAndTest(
  build: RunningBuild,
  context: BuildContext,
  order: readonly Model[],
  results: ModelResult[],
): Promise<Pick<BuildResult, "tests" | "testMs"> & { readonly guarded: LetThrough }> {
  const built = await buildTables(build, context, order, results);
  refuseTableLosses(build);
  const allViews = order.filter((model) => model.build === "view");
  const views = chosenOf(build, allViews);
  const beside = await putViewsBeside(build, views);
  await refuseViewLosses(build, beside);
  const started = performance.now();
  const testedViews = await testViewsAndFiles(build, order, { beside, isNew: built.isNew });
  reportTests(testedViews, build.emit);
  const testMs = Math.round(built.testMs + performance.now() - started);
  await removeViewsBeside(build, beside);
  const guarded = await letThrough(build, await guardBuild(build, order));
  await pruneChanges(build.client, build.options.keepChangesDays ?? KEEP_CHANGES_DAYS);
  for (const model of order) if (built.isNew(model)) await hidePersonal(build.client, model);

  if (build.options.only === undefined) await removeAbandoned(build, order);
  const defined = await publishDefinitions(build, views);
  for (const view of views) {
    await rememberView(build, view);
    const mode = defined.includes(view) ? "view" : "unchanged";
    const result = { model: view.name, build: "view", changes: undefined, mode, ms: 0 } as const;
    results.push(result);
    context.emit({ type: "model-built", ...result });
  }
  await grantToBiRoles(build.client);
  return { tests: [...built.tests, ...testedViews], testMs, guarded };
}

/** Tables brought up to date and tested; what stands on them is still as it was. */
export type BuiltTables = Pick<BuildResult, "tests" | "testMs"> & {
  /** The model's text or tests are not those of the last build. */
  readonly isNew: (model: Model) => boolean;
};

/**
 * The first part of a build: seeds, tables and their tests. Rows are written where they belong;
 * tables with other columns wait in a schema of their own.
 */
export async function buildTables(
  build: RunningBuild,
  context: BuildContext,
  order: readonly Model[],
  results: ModelResult[],
): Promise<BuiltTables> {
  assertInputsStand(build, order);
  const allTables = order.filter((model) => model.build === "table");
  const tables = chosenOf(build, allTables);
  const views = chosenOf(
    build,
    order.filter((model) => model.build === "view"),
  );
  const isNew = new Map(order.map((model) => [model.name, isChanged(build, model)]));
  const isNewModel = (model: Model) => isNew.get(model.name) ?? true;

  const timed = async (model: string, work: () => Promise<Omit<ModelResult, "model" | "ms">>) => {
    const started = performance.now();
    const result: ModelResult = {
      model,
      ...(await work()),
      ms: Math.round(performance.now() - started),
    };
    results.push(result);
    context.emit({ type: "model-built", ...result });
  };
  const timedModel = async (
    model: Model,
    work: () => Promise<Omit<ModelResult, "model" | "ms">>,
  ) => {
    try {
      await timed(model.name, work);
    } catch (error) {
      await recordFailedModel(context.pool, context.runId, model.name, error);
      throw error;
    }
  };
  for (const seed of build.project.seeds) {
    await timed(seed.name, () => buildSeed(build, seed));
  }
  for (const model of tables) {
    await putViewsBeside(build, viewsReadBy(model, views));
    await timedModel(model, () => buildTable(build, model));
  }
  const startedTests = performance.now();
  const tests = await testBuild(build, testableOf(build, allTables), isNewModel);
  reportTests(tests, build.emit);
  const testMs = performance.now() - startedTests;
  return { tests, testMs, isNew: isNewModel };
}

/** Runs the tests that follow those of tables: of views, `beside` among them, and of files. */
export async function testViewsAndFiles(
  build: RunningBuild,
  order: readonly Model[],
  { beside, isNew }: Pick<BuiltTables, "isNew"> & { readonly beside: readonly Model[] },
): Promise<readonly TestResult[]> {
  const views = order.filter((model) => model.build === "view");
  return [
    ...(await testBuild(build, testableOf(build, views), isNew)),
    ...(await testFiles(withStandingTests(build), order, beside)),
  ];
}

/** The views that a table needs, each after those that it reads itself. */
function viewsReadBy(model: Model, views: readonly Model[]): readonly Model[] {
  const needed = new Set<Model>();
  const follow = (reader: Model): void => {
    for (const { schema, relation } of reader.references) {
      const view = views.find(({ name }) => name === `${schema}.${relation}`);
      if (view === undefined || needed.has(view)) continue;
      follow(view);
      needed.add(view);
    }
  };
  follow(model);
  return [...needed];
}

function sumChanges(models: readonly ModelResult[]): RowChanges {
  const published = models.filter(({ model }) => model.startsWith("marts."));
  const sum = (of: keyof RowChanges) =>
    published.reduce((total, { changes }) => total + (changes?.[of] ?? 0), 0);
  return {
    total: sum("total"),
    added: sum("added"),
    changed: sum("changed"),
    removed: sum("removed"),
  };
}
