import { connect } from "../../extract/connection.ts";
import { recordTests } from "../models/build-record.ts";
import { assertKey } from "../models/key-test.ts";
import { orderOf } from "../models/order.ts";
import type { Project } from "../models/project.ts";
import { reportTests } from "../models/run-build-tests.ts";
import { TestFailure, type TestResult } from "../models/test-failure.ts";
import { type EnvironmentContext, placeIn } from "./environment-build.ts";
import { namedIn, testPlaced } from "./place-tests.ts";
import { seeEnvironment } from "./see-environment.ts";

/**
 * Runs every test of the models that stand in an environment, in a transaction that writes nothing.
 * @param request `only`: names of the models to test
 * @throws TestFailure when a test of severity error finds rows
 */
export async function testEnvironment(
  context: EnvironmentContext,
  project: Project,
  request: { readonly name: string; readonly only?: ReadonlySet<string> | undefined },
): Promise<readonly TestResult[]> {
  const { name, only } = request;
  const order = orderOf(project);
  const { client, release } = await connect(context.pool);
  const record = (results: readonly TestResult[]) =>
    recordTests(context.pool, context.runId, namedIn(name, results));
  try {
    await client.query("begin");
    const { environment, states, standIns } = await seeEnvironment(client, project, name);
    const places = { client, standIns: new Map(standIns), asOf: environment.asOf };
    const models = order.filter(
      (model) => standIns.has(model.name) && (only?.has(model.name) ?? true),
    );
    for (const model of models) {
      if (model.header.key.length === 0) continue;
      await assertKey(client, model, placeIn(places, model.schema, model.relation));
    }
    const results = await testPlaced(places, project, order, {
      models,
      stands: (one) => one.startsWith("landing.") || states.get(one)?.exists === true,
    });
    reportTests(results, context.emit);
    await record(results);
    return results;
  } catch (error) {
    if (error instanceof TestFailure) await record(error.all);
    throw error;
  } finally {
    await client.query("rollback").catch(() => undefined);
    release();
  }
}
