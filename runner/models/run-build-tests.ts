import { createHash } from "node:crypto";
import { connect } from "../../extract/connection.ts";
import { sql } from "../../extract/query.ts";
import type { BuildEvent } from "../events.ts";
import type { BuildContext } from "./build.ts";
import { recordTests } from "./build-record.ts";
import { inputsOf, writeState } from "./build-state.ts";
import { wholeText } from "./compute-rows.ts";
import { assertKey } from "./key-test.ts";
import { callsOf, clockOf } from "./model-clock.ts";
import { orderOf } from "./order.ts";
import { personalIn } from "./personal-sources.ts";
import type { Model, Project } from "./project.ts";
import { runSingularTests } from "./run-singular-tests.ts";
import { everything, runTests } from "./run-tests.ts";
import { changeOf, placeOf, type RunningBuild } from "./running-build.ts";
import type { SingularTest } from "./singular-test.ts";
import { isFailing, SHOWN_ROWS, TestFailure, type TestResult } from "./test-failure.ts";
import { rowsToTest } from "./test-rows.ts";

/**
 * Runs what this build may have broken of the tests of these models.
 * @param isNew the model's text or tests are not those of the last build
 */
export async function testBuild(
  build: RunningBuild,
  models: readonly Model[],
  isNew: (model: Model) => boolean,
): Promise<readonly TestResult[]> {
  const results: TestResult[] = [];
  const isPersonal = personalIn(build.project);
  for (const model of models) {
    results.push(
      ...(await runTests(build.client, model, {
        name: (schema, relation) => placeOf(build, schema, relation),
        schemaOf: ({ schema, relation }) => build.standIns.get(`${schema}.${relation}`),
        rowsOf: (test) => rowsToTest(build, model, test, isNew(model)),
        isPersonal,
      })),
    );
  }
  return results;
}

/**
 * Runs the tests that are files, where something that they read changed, or they themselves did.
 * @param defined views that are defined anew
 */
export async function testFiles(
  build: RunningBuild,
  order: readonly Model[],
  defined: readonly Model[],
): Promise<readonly TestResult[]> {
  const { client, project } = build;
  const due: SingularTest[] = [];
  for (const test of project.tests) {
    const calls = callsOf(test);
    const rowsFingerprint = fileFingerprint(test, build.functions.hashOf(calls.functions));
    const name = `tests.${test.name}`;
    const before = build.statesBefore.get(name);
    const clock = clockOf(calls, build.functions);
    const isDue =
      build.options.fullRefresh === true ||
      before?.fingerprint !== rowsFingerprint ||
      clock === "moment" ||
      before.day !== build.day ||
      readsChanged(build, test, defined);
    if (!isDue) continue;
    due.push(test);
    await writeState(client, {
      relation: name,
      exists: false,
      fingerprint: rowsFingerprint,
      rowsFingerprint,
      version: 0n,
      inputs: {},
      rows: undefined,
      day: build.day,
    });
  }
  return runSingularTests(client, { ...project, tests: due }, order, (test) =>
    wholeText(build, test),
  );
}

function fileFingerprint(test: SingularTest, functions: string): string {
  return createHash("sha256").update(test.text).update(functions).digest("hex");
}

function readsChanged(build: RunningBuild, test: SingularTest, defined: readonly Model[]): boolean {
  const { tables, objects } = inputsOf(test, build.project);
  const isDefined = defined.some((view) =>
    test.references.some(({ schema, relation }) => view.name === `${schema}.${relation}`),
  );
  return (
    isDefined ||
    // What is new in landing need not have reached any table.
    objects.size > 0 ||
    [...tables].some((name) => changeOf(build, name).status !== "unchanged")
  );
}

/**
 * Runs every test of a project on what is published, in a transaction that writes nothing.
 * @param only names of the models to test, with the tests that are files and read one of them
 * @throws TestFailure when a test of severity error finds rows
 */
export async function testProject(
  context: BuildContext,
  project: Project,
  only?: ReadonlySet<string>,
): Promise<readonly TestResult[]> {
  const order = orderOf(project);
  const isChosen = (name: string) => only?.has(name) ?? true;
  const chosen = order.filter(({ name }) => isChosen(name));
  const files = project.tests.filter(
    ({ references }) =>
      only === undefined ||
      references.some(({ schema, relation }) => isChosen(`${schema}.${relation}`)),
  );
  const { client, release } = await connect(context.pool);
  try {
    await client.query("begin");
    for (const model of chosen) {
      if (model.header.key.length > 0) {
        await assertKey(client, model, sql.ident(model.schema, model.relation));
      }
    }
    const results: TestResult[] = [];
    const view = everything(project);
    for (const model of chosen) results.push(...(await runTests(client, model, view)));
    results.push(...(await runSingularTests(client, { ...project, tests: files }, order)));
    reportTests(results, context.emit);
    await recordTests(context.pool, context.runId, results);
    return results;
  } catch (error) {
    if (error instanceof TestFailure) {
      await recordTests(context.pool, context.runId, error.all);
    }
    throw error;
  } finally {
    await client.query("rollback").catch(() => undefined);
    release();
  }
}

/**
 * Tells of every test that found rows.
 * @throws TestFailure when one of them is an error
 */
export function reportTests(
  results: readonly TestResult[],
  emit: (event: BuildEvent) => void,
): void {
  const failing = results.filter(isFailing);
  for (const result of failing) {
    emit({ type: "test-failed", ...result, sample: result.sample.slice(0, SHOWN_ROWS) });
  }
  const errors = failing.filter((result) => result.severity === "error");
  if (errors.length > 0) throw new TestFailure(errors, results);
}
