import type { PoolClient } from "pg";
import { connect } from "../../extract/connection.ts";
import { execute, sql } from "../../extract/query.ts";
import type { ModelResult } from "../events.ts";
import type { Withheld } from "../freshness/withhold-stale.ts";
import { guardBuild } from "../guardrail/guard-build.ts";
import type { HeldKpi } from "../guardrail/held-kpi.ts";
import {
  type BuildContext,
  type BuiltTables,
  buildTables,
  openBuild,
  testViewsAndFiles,
} from "./build.ts";
import { compareViews, type KpiChange } from "./compare-kpis.ts";
import { keyLocality } from "./key-locality.ts";
import { landingObjects, orderOf } from "./order.ts";
import type { Model, Project } from "./project.ts";
import { viewLosses } from "./refuse-losses.ts";
import { abandonedRelations } from "./relation-record.ts";
import type { BuildOptions, RunningBuild } from "./running-build.ts";
import { chosenOf } from "./selected-build.ts";
import { isFailing, TestFailure, type TestResult } from "./test-failure.ts";
import { putViewsBeside, removeViewsBeside } from "./view-stand-ins.ts";

/** What a build would do. */
export type BuildPlan = {
  /** Seeds and tables, in the order of building. */
  readonly tables: readonly ModelResult[];
  /** Views whose text differs from what is published. */
  readonly views: readonly string[];
  /** Tables that are computed whole whenever one of their inputs changes, and why. */
  readonly notKeyLocal: readonly { readonly model: string; readonly because: string }[];
  /** What readers would lose: columns, types, relations whose file is gone. */
  readonly losses: readonly string[];
  readonly kpis: readonly KpiChange[];
  /** Guarded numbers that would keep the build from being published. */
  readonly held: readonly HeldKpi[];
  /** Tests that would fail or warn; where one of a table fails, a build does not reach those of views. */
  readonly findings: readonly TestResult[];
  /** What would stay as it is because its source is too old. */
  readonly withheld: Withheld;
};

/**
 * Builds in a transaction that is rolled back, and compares what the KPI views would show with what
 * they show. Published definitions are not touched: new ones stand in a throw-away schema, so
 * readers are never kept waiting.
 * @throws ModelError when a model is wrong
 */
export async function planBuild(
  context: BuildContext,
  project: Project,
  options: BuildOptions,
): Promise<BuildPlan> {
  const order = orderOf(project);
  const { client, release } = await connect(context.pool);
  const tables: ModelResult[] = [];
  try {
    await client.query("begin isolation level repeatable read; set local jit = off");
    for (const object of landingObjects(order)) {
      await execute(client, sql`select landing.create_object(${object})`);
    }
    const build = await openBuild(context, client, project, { ...options, allowDestructive: true });
    const views = order.filter((model) => model.build === "view");
    const chosen = chosenOf(build, order);
    const compare = await compareViews(build, views);
    const tested = await testAll(build, context, order, tables);
    const { held } = await guardBuild(build, order);
    return {
      tables,
      views: chosen
        .filter((model) => model.build === "view" && isRedefined(build, model.name))
        .map(({ name }) => name),
      notKeyLocal: chosen.flatMap((model) => {
        if (model.build !== "table") return [];
        const locality = keyLocality(model, project);
        return locality.keyLocal ? [] : [{ model: model.name, because: locality.because }];
      }),
      losses: [...(await lossesOf(client, build)), ...tested.losses],
      kpis: await compare(),
      held,
      findings: tested.tests.filter(isFailing),
      withheld: build.withheld,
    };
  } finally {
    await client.query("rollback").catch(() => undefined);
    release();
  }
}

/** Builds the tables and runs the tests that a build would. What fails is part of the plan. */
async function testAll(
  build: RunningBuild,
  context: BuildContext,
  order: readonly Model[],
  tables: ModelResult[],
): Promise<{ readonly tests: readonly TestResult[]; readonly losses: readonly string[] }> {
  let built: BuiltTables;
  try {
    built = await buildTables(build, context, order, tables);
  } catch (error) {
    // The numbers of such a build are of interest, too.
    if (error instanceof TestFailure) return { tests: error.all, losses: [] };
    throw error;
  }
  const views = order.filter((model) => model.build === "view");
  const beside = await putViewsBeside(build, chosenOf(build, views));
  const losses = (await viewLosses(build, beside)).flatMap(({ model, losses: lost }) =>
    lost.map((loss) => `${model.name}: ${loss}`),
  );
  const tests = await testViewsAndFiles(build, order, { beside, isNew: built.isNew });
  await removeViewsBeside(build, beside);
  return { tests: [...built.tests, ...tests], losses };
}

function isRedefined(build: RunningBuild, name: string): boolean {
  const model = build.project.models.find((one) => one.name === name);
  const before = build.statesBefore.get(name);
  if (model === undefined) return false;
  return before?.exists !== true || before.fingerprint !== build.fingerprintOf(model).whole;
}

async function lossesOf(client: PoolClient, build: RunningBuild): Promise<readonly string[]> {
  const lost = build.swaps.flatMap(({ model, losses }) =>
    losses.map((loss) => `${model.name}: ${loss}`),
  );
  if (build.options.only !== undefined) return lost;
  const abandoned = await abandonedRelations(client, build.project.models);
  return [...lost, ...abandoned.map(({ relation }) => `${relation}: its file is gone`)];
}
