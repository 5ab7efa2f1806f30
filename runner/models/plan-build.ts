import type { PoolClient } from "pg";
import { connect } from "../../extract/connection.ts";
import { execute, sql } from "../../extract/query.ts";
import type { ModelResult } from "../events.ts";
import type { Withheld } from "../freshness/withhold-stale.ts";
import { guardBuild } from "../guardrail/guard-build.ts";
import type { HeldKpi } from "../guardrail/held-kpi.ts";
import { type BuildContext, buildTables, openBuild } from "./build.ts";
import { compareViews, type KpiChange } from "./compare-kpis.ts";
import { keyLocality } from "./key-locality.ts";
import { landingObjects, orderOf } from "./order.ts";
import type { Project } from "./project.ts";
import { abandonedRelations } from "./relation-record.ts";
import type { BuildOptions, RunningBuild } from "./running-build.ts";
import { chosenOf } from "./selected-build.ts";
import { isFailing, TestFailure, type TestResult } from "./test-failure.ts";

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
  /** Tests that would fail or warn; those of views are not run. */
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
    const tests = await buildTables(build, context, order, tables).then(
      (built) => built.tests,
      (error: unknown) => {
        // A test that fails is part of the plan; the numbers of such a build are of interest, too.
        if (error instanceof TestFailure) return error.all;
        throw error;
      },
    );
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
      losses: await lossesOf(client, build),
      kpis: await compare(),
      held,
      findings: tests.filter(isFailing),
      withheld: build.withheld,
    };
  } finally {
    await client.query("rollback").catch(() => undefined);
    release();
  }
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
