import type { Pool, PoolClient } from "pg";
import { connect } from "../../extract/connection.ts";
import { execute, query, sql } from "../../extract/query.ts";
import type { BuildEvent, ModelResult } from "../events.ts";
import { ensureBiRoles, grantToBiRoles } from "./access.ts";
import { recordFailedModel, recordModels, recordTests } from "./build-record.ts";
import { assertKey } from "./key-test.ts";
import { landingObjects, orderModels } from "./order.ts";
import { ModelError } from "./problem.ts";
import type { Model, Project } from "./project.ts";
import { publishSeed } from "./publish-seed.ts";
import { publishTable } from "./publish-table.ts";
import { publishView } from "./publish-view.ts";
import { abandonedRelations } from "./relation-record.ts";
import { runSingularTests } from "./run-singular-tests.ts";
import { runTests } from "./run-tests.ts";
import type { RowChanges } from "./table-diff.ts";
import { isFailing, SHOWN_ROWS, TestFailure, type TestResult } from "./test-failure.ts";

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
  readonly changes: RowChanges;
};

/** The channel that tells servers of a new publication; its payload is the publication's id. */
export const PUBLICATION_CHANNEL = "elt_publication";

/**
 * Builds every model in order, tests them and publishes all of it in one transaction: a reader sees
 * the old state or the new one. Any failure rolls everything back; results are recorded through
 * other connections, so that the rollback keeps them.
 *
 * @throws ModelError when a model is wrong, TestFailure when a test of severity error finds rows
 */
export async function buildProject(context: BuildContext, project: Project): Promise<BuildResult> {
  const { order, problems } = orderModels(project);
  const all = [...project.problems, ...problems];
  if (all.length > 0) throw new ModelError(all);
  await prepareDatabase(context, order);

  const { client, release } = await connect(context.pool);
  const models: ModelResult[] = [];
  try {
    // One snapshot: an extraction that commits meanwhile is seen by every model or by none.
    await client.query("begin isolation level repeatable read; set local jit = off");
    await publishAll(client, context, project, order, models);
    const tests = await testAll(client, context, project, order);
    await grantToBiRoles(client);
    const changes = sumChanges(models);
    const publicationId = await recordPublication(client, context.runId, changes);
    await client.query("commit");
    await recordModels(context.pool, context.runId, models);
    await recordTests(context.pool, context.runId, tests);
    context.emit({ type: "published", publicationId, changes });
    return { publicationId, models, tests, changes };
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    if (error instanceof TestFailure) {
      await recordTests(context.pool, context.runId, error.all);
    }
    throw error;
  } finally {
    release();
  }
}

/** Landing tables that models read must exist, even of objects never extracted. */
async function prepareDatabase(context: BuildContext, order: readonly Model[]): Promise<void> {
  for (const object of landingObjects(order)) {
    await execute(context.pool, sql`select landing.create_object(${object})`);
  }
  const abandoned = await abandonedRelations(context.pool, order);
  if (abandoned.length > 0) {
    context.emit({
      type: "warning",
      message: `${abandoned.join(", ")} still stand in the database, with the rows of their last build, but their files are gone: drop them when nobody reads them any more.`,
    });
  }
  const unread = await neverProven(context.pool);
  if (unread.length > 0) {
    context.emit({
      type: "warning",
      message: `Never read whole, so the numbers of these accounts are incomplete: ${unread.join("; ")}. Run npm run elt again for them.`,
    });
  }
  const missing = await ensureBiRoles(context.pool);
  if (missing.length > 0) {
    context.emit({
      type: "warning",
      message: `The database user may not create roles, so ${missing.join(" and ")} do not exist: ask an administrator to create them (create role ${missing[0]} nologin).`,
    });
  }
}

/** Per account, the objects that were begun but of which no scan was ever proven. */
async function neverProven(pool: Pool): Promise<readonly string[]> {
  const rows = await query<{ account: string }>(
    pool,
    sql`
      select format('%s: %s', conta, string_agg(objeto, ', ' order by objeto)) as account
      from (
        select conta, objeto
        from elt.loads
        group by conta, objeto
        having not bool_or(verdict = 'proven')
      ) as unread
      group by conta
      order by conta`,
  );
  return rows.map((row) => row.account);
}

async function publishAll(
  client: PoolClient,
  context: BuildContext,
  project: Project,
  order: readonly Model[],
  results: ModelResult[],
): Promise<void> {
  const timed = async (
    model: string,
    build: ModelResult["build"],
    publish: () => Promise<RowChanges | undefined>,
  ) => {
    const started = performance.now();
    const changes = await publish();
    const ms = Math.round(performance.now() - started);
    const result: ModelResult = { model, build, changes, ms };
    results.push(result);
    context.emit({ type: "model-built", ...result });
  };
  for (const seed of project.seeds) {
    await timed(seed.name, "seed", () => publishSeed(client, seed));
  }
  for (const model of order) {
    try {
      await timed(model.name, model.build, async () => {
        if (model.build === "table") return publishTable(client, model);
        await publishView(client, model);
        return undefined;
      });
    } catch (error) {
      await recordFailedModel(context.pool, context.runId, model.name, error);
      throw error;
    }
  }
}

async function testAll(
  client: PoolClient,
  context: BuildContext,
  project: Project,
  order: readonly Model[],
): Promise<readonly TestResult[]> {
  const results: TestResult[] = [];
  for (const model of order) results.push(...(await runTests(client, model)));
  results.push(...(await runSingularTests(client, project, order)));
  reportTests(results, context.emit);
  return results;
}

/**
 * Runs every test of a project on what is published, in a transaction that writes nothing.
 * @throws TestFailure when a test of severity error finds rows
 */
export async function testProject(
  context: BuildContext,
  project: Project,
): Promise<readonly TestResult[]> {
  const { order, problems } = orderModels(project);
  const all = [...project.problems, ...problems];
  if (all.length > 0) throw new ModelError(all);
  const { client, release } = await connect(context.pool);
  try {
    await client.query("begin");
    for (const model of order) {
      if (model.header.key.length > 0) {
        await assertKey(client, model, sql.ident(model.schema, model.relation));
      }
    }
    const results = await testAll(client, context, project, order);
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

async function recordPublication(
  client: PoolClient,
  runId: bigint,
  changes: RowChanges,
): Promise<string> {
  const [row] = await query<{ publication_id: string }>(
    client,
    sql`
      insert into elt.publications (run_id, rows_added, rows_changed, rows_removed)
      values (${runId}, ${changes.added}, ${changes.changed}, ${changes.removed})
      returning publication_id::text`,
  );
  const publicationId = row?.publication_id ?? "";
  await execute(client, sql`select pg_notify(${PUBLICATION_CHANNEL}, ${publicationId})`);
  return publicationId;
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
