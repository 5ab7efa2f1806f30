import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import type { ModelResult } from "../events.ts";
import type { RowChanges } from "./table-diff.ts";
import type { TestResult } from "./test-failure.ts";

/** The channel that tells servers of a new publication; its payload is the publication's id. */
export const PUBLICATION_CHANNEL = "elt_publication";

/** Writes down what becomes visible with the commit, and tells servers then. */
export async function recordPublication(
  database: Queryable,
  runId: bigint,
  changes: RowChanges,
): Promise<string> {
  const [row] = await query<{ publication_id: string }>(
    database,
    sql`
      insert into elt.publications (run_id, rows_added, rows_changed, rows_removed)
      values (${runId}, ${changes.added}, ${changes.changed}, ${changes.removed})
      returning publication_id::text`,
  );
  const publicationId = row?.publication_id ?? "";
  await execute(database, sql`select pg_notify(${PUBLICATION_CHANNEL}, ${publicationId})`);
  return publicationId;
}

/** Writes what a run built into `elt.model_results`. */
export async function recordModels(
  database: Queryable,
  runId: bigint,
  models: readonly ModelResult[],
): Promise<void> {
  const rows = models.map(({ model, changes, ms, mode, because }) => ({
    model,
    ms,
    mode,
    because: because ?? null,
    rows_total: changes?.total ?? null,
    rows_added: changes?.added ?? null,
    rows_changed: changes?.changed ?? null,
    rows_removed: changes?.removed ?? null,
  }));
  await execute(
    database,
    sql`
      insert into elt.model_results (
        run_id, model, status, rows_total, rows_added, rows_changed, rows_removed, ms,
        mode, because
      )
      select
        ${runId}, model, 'built', rows_total, rows_added, rows_changed, rows_removed, ms, mode,
        because
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as built (
        model text, ms integer, rows_total bigint, rows_added bigint, rows_changed bigint,
        rows_removed bigint, mode text, because text
      )`,
  );
}

/** Writes down which model ended the build, and why. */
export async function recordFailedModel(
  database: Queryable,
  runId: bigint,
  model: string,
  error: unknown,
): Promise<void> {
  const message = error instanceof Error ? error.message : String(error);
  await execute(
    database,
    sql`
      insert into elt.model_results (run_id, model, status, error)
      values (${runId}, ${model}, 'failed', ${message})`,
  );
}

/** Writes the outcome of tests, with keys of failing rows, into `elt.test_results`. */
export async function recordTests(
  database: Queryable,
  runId: bigint,
  results: readonly TestResult[],
): Promise<void> {
  await execute(
    database,
    sql`
      insert into elt.test_results (
        run_id, model, test, severity, failures, allowed, place, sample
      )
      select ${runId}, model, test, severity, failures, coalesce(allowed, 0), place, sample
      from jsonb_to_recordset(${JSON.stringify(results)}::jsonb) as result (
        model text, test text, severity text, failures bigint, allowed bigint, place text,
        sample jsonb
      )
      on conflict (run_id, model, test) do nothing`,
  );
}
