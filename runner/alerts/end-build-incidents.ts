import { execute, type Queryable, sql } from "../../extract/query.ts";
import { exitCodes } from "../command.ts";
import { isFailing, type TestResult } from "../models/test-failure.ts";

/** A build that published: its tests, and whether it was of all models. */
export type PublishedBuild = {
  readonly tests: readonly TestResult[];
  readonly scope: "all models" | "some models";
};

/**
 * Ends what a failed build had opened, after one that published without an extraction: tests that
 * pass again, and, when all models were built, whatever made a model fail. What the source or the
 * database did is judged by the next run alone. The end is told by the next run, or by a worker that
 * waits.
 */
export async function endBuildIncidents(
  database: Queryable,
  { tests, scope }: PublishedBuild,
  now: Date,
): Promise<void> {
  const isWhole = scope === "all models";
  const passed = tests
    .filter((result) => !isFailing(result))
    .map(({ model, test }) => `${model}: ${test}`);
  await execute(
    database,
    sql`
      update elt.incidents
      set closed_at = ${now}
      where closed_at is null
        and (
          kind = 'tests-failing' and (${isWhole} or subject = any (${passed}::text[]))
          or kind = 'run-failed' and ${isWhole}
            and (details ->> 'exitCode')::integer = ${exitCodes.modelFailed}
        )`,
  );
}
