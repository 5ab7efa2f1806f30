import type { PoolClient } from "pg";
import { wholeText } from "../models/compute-rows.ts";
import type { ModelTest } from "../models/model-test.ts";
import { personalIn } from "../models/personal-sources.ts";
import type { Model, Project } from "../models/project.ts";
import { applyEdits } from "../models/rename-references.ts";
import { runSingularTests } from "../models/run-singular-tests.ts";
import { runTests } from "../models/run-tests.ts";
import { parseSelect } from "../models/select.ts";
import type { TestResult } from "../models/test-failure.ts";
import { todayEdits } from "../models/today-edits.ts";
import { type EnvironmentBuild, placeIn } from "./environment-build.ts";

/** Where tests look, and which day they take for today. */
type Places = Pick<EnvironmentBuild, "standIns" | "asOf"> & { readonly client: PoolClient };

/**
 * Runs every test of these models on what stands in an environment, and the tests that are files
 * and read one of its tables.
 * @param stands whether a relation can be read, in the environment or where it is published
 * @throws ModelError when a test's own SQL is wrong
 */
export async function testPlaced(
  places: Places,
  project: Project,
  order: readonly Model[],
  scope: {
    readonly models: readonly Model[];
    readonly stands: (name: string) => boolean;
    /** Which tests of a model to run; all of them by default. Files are always run. */
    readonly isDue?: (model: Model, test: ModelTest) => Promise<boolean>;
  },
): Promise<readonly TestResult[]> {
  const results: TestResult[] = [];
  const isPersonal = personalIn(project);
  for (const model of scope.models) {
    const tests: ModelTest[] = [];
    for (const test of model.header.tests) {
      const lacksTarget = test.rule.kind === "references" && !scope.stands(test.rule.target);
      if (lacksTarget || (await scope.isDue?.(model, test)) === false) continue;
      tests.push(await onItsDay(places, test));
    }
    const placed: Model = { ...model, header: { ...model.header, tests } };
    results.push(
      ...(await runTests(places.client, placed, {
        name: (schema, relation) => placeIn(places, schema, relation),
        schemaOf: ({ schema, relation }) => places.standIns.get(`${schema}.${relation}`),
        rowsOf: async () => ({ kind: "all" }),
        isPersonal,
      })),
    );
  }
  const files = project.tests.filter(({ references }) => {
    const names = references.map(({ schema, relation }) => `${schema}.${relation}`);
    return names.every(scope.stands) && names.some((name) => places.standIns.has(name));
  });
  const placedFiles = { ...project, tests: files };
  results.push(
    ...(await runSingularTests(places.client, placedFiles, order, (file) =>
      wholeText(places, file),
    )),
  );
  return results;
}

/** Today, in a test's own SQL, is the environment's day. */
async function onItsDay({ asOf }: Places, test: ModelTest): Promise<ModelTest> {
  if (test.rule.kind !== "check" || asOf === undefined) return test;
  const select = `select ${test.rule.expression}`;
  const parsed = await parseSelect(select);
  if (parsed.status === "invalid") return test;
  const { text } = applyEdits(select, todayEdits({ text: select, select, ...parsed }, asOf));
  return { ...test, rule: { ...test.rule, expression: text.slice("select ".length) } };
}

/** Results as they are recorded: under the names that the tables have in the environment. */
export function namedIn(environment: string, results: readonly TestResult[]): TestResult[] {
  return results.map((result) => ({ ...result, model: `${environment}_${result.model}` }));
}
