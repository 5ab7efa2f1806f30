import { DatabaseError, type PoolClient } from "pg";
import { type Lineage, projectLineage, selectLineage } from "./lineage.ts";
import { type IsPersonal, personalIn } from "./personal-sources.ts";
import { excerpt, startOfSelect } from "./position.ts";
import type { Model, Project } from "./project.ts";
import type { EditedText } from "./rename-references.ts";
import { explainFailure } from "./run-model.ts";
import type { SingularTest } from "./singular-test.ts";
import type { TestResult } from "./test-failure.ts";

const SAMPLE_ROWS = 100;

/**
 * Runs the tests that are files, inside the client's transaction. Of a failing row only columns
 * that do not come from personal ones are kept.
 * @throws ModelError when a test's own SQL is wrong
 */
export async function runSingularTests(
  client: PoolClient,
  project: Project,
  order: readonly Model[],
  textOf: (test: SingularTest) => EditedText = ({ select }) => ({ text: select, edits: [] }),
): Promise<TestResult[]> {
  if (project.tests.length === 0) return [];
  const lineage = projectLineage(project, order);
  const isPersonal = personalIn(project);
  const results: TestResult[] = [];
  for (const test of project.tests) {
    const { failures, sample } = await failingRows(
      client,
      test,
      personalOutputs(test, project, lineage, isPersonal),
      textOf(test),
    );
    const position = startOfSelect(test.text);
    results.push({
      model: "tests",
      test: test.name,
      severity: test.severity,
      failures,
      allowed: test.allowed,
      sample,
      place: `${test.file}:${position.line}:${position.column}`,
      excerpt: excerpt(test.text, position),
    });
  }
  return results;
}

/** Columns of a test's rows that hold, or are computed from, what is personal. */
function personalOutputs(
  test: SingularTest,
  project: Project,
  lineage: Lineage,
  isPersonal: IsPersonal,
): readonly string[] {
  return selectLineage(project, lineage, test.tree).columns.flatMap(({ name, sources }) =>
    sources.some(({ relation, column }) => isPersonal(relation, column)) ? [name] : [],
  );
}

async function failingRows(
  client: PoolClient,
  test: SingularTest,
  hidden: readonly string[],
  edited: EditedText,
): Promise<{ readonly failures: number; readonly sample: TestResult["sample"] }> {
  const before = "with failing as materialized (\n";
  await client.query("savepoint singular_test");
  try {
    const { rows } = await client.query<{ failures: string; sample: TestResult["sample"] | null }>(
      `${before}${edited.text}
      )
      select
        (select count(*) from failing)::text as failures,
        (
          select jsonb_agg(to_jsonb(kept) - $1::text[])
          from (select * from failing limit ${SAMPLE_ROWS}) as kept
        ) as sample`,
      [hidden],
    );
    await client.query("release savepoint singular_test");
    return { failures: Number(rows[0]?.failures ?? 0), sample: rows[0]?.sample ?? [] };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    await client.query("rollback to savepoint singular_test");
    const sent = { ...edited, before };
    throw await explainFailure(client, { ...test, header: { key: [] } }, error, sent);
  }
}
