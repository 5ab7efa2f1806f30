import type { Pool } from "pg";
import { query, sql } from "../../extract/query.ts";
import { projectFreshness } from "../../runner/freshness/project-freshness.ts";
import { readSourceAges, type SourceAge } from "../../runner/freshness/source-ages.ts";
import { type ModelOverview, overviewOf } from "../../runner/models/describe-lineage.ts";
import type { MaskName } from "../../runner/models/header.ts";
import { type Lineage, personalColumns, projectLineage } from "../../runner/models/lineage.ts";
import { orderModels } from "../../runner/models/order.ts";
import { ModelError } from "../../runner/models/problem.ts";
import type { Model, Project } from "../../runner/models/project.ts";

/** Everything that the pages tell: the project's texts, and what the database knows of them. */
export type Documented = {
  readonly project: Project;
  readonly order: readonly Model[];
  readonly lineage: Lineage;
  readonly overview: ReadonlyMap<string, ModelOverview>;
  readonly maskOf: (relation: string, column: string) => MaskName | undefined;
  /** Relation → column → type, of what is built. */
  readonly types: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly build: LastBuild | undefined;
  readonly tests: ReadonlyMap<string, LastTest>;
  readonly objects: ReadonlyMap<string, readonly LastRead[]>;
  /** Ages of the objects that a model declares @fresh for. */
  readonly ages: readonly SourceAge[];
};

/** The last run that built. */
export type LastBuild = {
  readonly run: string;
  readonly startedAt: Date;
  readonly seconds: number | null;
  readonly exitCode: number | null;
  readonly error: string | null;
  readonly models: ReadonlyMap<string, BuiltModel>;
};

export type BuiltModel = {
  readonly model: string;
  readonly status: "built" | "failed";
  readonly rows: number | null;
  readonly added: number | null;
  readonly changed: number | null;
  readonly removed: number | null;
  readonly ms: number | null;
  readonly mode: string | null;
  /** Why it was computed whole, or for how many keys. */
  readonly because: string | null;
  readonly error: string | null;
};

/** The last outcome of a test, under `model test`. */
export type LastTest = {
  readonly run: string;
  readonly model: string;
  readonly test: string;
  readonly severity: "error" | "warn";
  readonly failures: number;
  readonly allowed: number;
  readonly at: Date;
};

/** How far an object of one account has been read. */
export type LastRead = {
  readonly object: string;
  readonly conta: string;
  readonly at: Date | null;
  readonly records: number;
  readonly verdict: string;
};

/**
 * Gathers what the pages tell.
 * @throws ModelError when the project cannot be ordered
 */
export async function readDocumented(
  pool: Pool,
  project: Project,
  now: Date = new Date(),
): Promise<Documented> {
  const { order, problems } = orderModels(project);
  const all = [...project.problems, ...problems];
  if (all.length > 0) throw new ModelError(all);
  const lineage = projectLineage(project, order);
  return {
    project,
    order,
    lineage,
    overview: new Map(overviewOf(project, order).map((one) => [one.model, one])),
    maskOf: personalColumns(project.models, lineage),
    types: await readTypes(pool),
    build: await readBuild(pool),
    tests: await readTests(pool),
    objects: await readObjects(pool),
    ages: await readSourceAges(pool, now, projectFreshness(order)),
  };
}

async function readTypes(pool: Pool): Promise<Documented["types"]> {
  const rows = await query<{ relation: string; types: Record<string, string> }>(
    pool,
    sql`
      select
        nspname || '.' || relname as relation,
        jsonb_object_agg(attname, format_type(atttypid, atttypmod)) as types
      from pg_attribute
      inner join pg_class on pg_class.oid = attrelid
      inner join pg_namespace on pg_namespace.oid = relnamespace
      where nspname in ('staging', 'marts', 'seeds')
        and attnum > 0 and not attisdropped and relkind in ('r', 'v')
      group by nspname, relname`,
  );
  return new Map(rows.map(({ relation, types }) => [relation, new Map(Object.entries(types))]));
}

/**
 * The last run that tried to build: one whose tests failed published nothing, and has no models.
 */
export async function readAttempt(pool: Pool): Promise<LastBuild | undefined> {
  return readBuild(
    pool,
    sql`
      exists (select from elt.model_results where model_results.run_id = runs.run_id)
      or (
        command in ('run', 'build', 'retry', 'demo')
        and exists (select from elt.test_results where test_results.run_id = runs.run_id)
      )`,
  );
}

const hasModels = sql`
  exists (select from elt.model_results where model_results.run_id = runs.run_id)`;

async function readBuild(pool: Pool, condition = hasModels): Promise<LastBuild | undefined> {
  const [run] = await query<{
    run: string;
    started_at: Date;
    seconds: number | null;
    exit_code: number | null;
    error: string | null;
  }>(
    pool,
    sql`
      select
        run_id::text as run, started_at, exit_code, error,
        extract(epoch from finished_at - started_at)::float8 as seconds
      from elt.runs
      where ${condition}
      order by run_id desc
      limit 1`,
  );
  if (run === undefined) return undefined;
  const models = await query<BuiltModel>(
    pool,
    sql`
      select
        model, status, rows_total::float8 as rows, rows_added::float8 as added,
        rows_changed::float8 as changed, rows_removed::float8 as removed, ms, mode,
        because, error
      from elt.model_results
      where run_id = ${run.run}`,
  );
  return {
    run: run.run,
    startedAt: run.started_at,
    seconds: run.seconds,
    exitCode: run.exit_code,
    error: run.error,
    models: new Map(models.map((one) => [one.model, one])),
  };
}

async function readTests(pool: Pool): Promise<Documented["tests"]> {
  const rows = await query<LastTest>(
    pool,
    sql`
      select distinct on (model, test)
        runs.run_id::text as run, model, test, severity, failures::float8 as failures,
        allowed::float8 as allowed, started_at as at
      from elt.test_results
      inner join elt.runs on runs.run_id = test_results.run_id
      order by model, test, runs.run_id desc`,
  );
  return new Map(rows.map((row) => [`${row.model} ${row.test}`, row]));
}

async function readObjects(pool: Pool): Promise<Documented["objects"]> {
  const rows = await query<LastRead>(
    pool,
    sql`
      select distinct on (objeto, conta)
        objeto as object, conta, finished_at as at, records::float8 as records, verdict
      from elt.loads
      order by objeto, conta, load_id desc`,
  );
  const objects = new Map<string, LastRead[]>();
  for (const row of rows) objects.set(row.object, [...(objects.get(row.object) ?? []), row]);
  return objects;
}
