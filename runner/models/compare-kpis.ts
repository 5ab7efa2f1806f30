import { DatabaseError, type PoolClient } from "pg";
import { quoted } from "./draft.ts";
import { personalColumns, projectLineage } from "./lineage.ts";
import type { Model } from "./project.ts";
import { applyEdits, referenceEdits } from "./rename-references.ts";
import { explainFailure } from "./run-model.ts";
import type { RunningBuild } from "./running-build.ts";
import { type Column, columnsOf } from "./table-diff.ts";

/** How the rows of a KPI view would change. */
export type KpiChange = {
  readonly view: string;
  /** `new`: it is not published yet, so there is nothing to compare with. */
  readonly status: "compared" | "new";
  readonly rowsBefore: number;
  readonly rowsAfter: number;
  /** How many rows differ; `rows` holds the first of them. */
  readonly differing: number;
  readonly rows: readonly ChangedKpi[];
  /** Sums over all rows that change, before and after; averages and percentages have none. */
  readonly totals: ChangedKpi["values"];
};

/** A row of a view: what tells it from the others, and the numbers that change. */
export type ChangedKpi = {
  readonly label: Readonly<Record<string, string | null>>;
  /** Column → before and after, as texts; null where the row is new or gone. */
  readonly values: Readonly<Record<string, readonly [string | null, string | null]>>;
};

/** Rows of a view that are shown. */
const SHOWN_ROWS = 20;

/**
 * Keeps what the views show now. The function it gives compares that with what they would show: the
 * views as their files say, in a throw-away schema, over the tables as they are by then.
 */
export async function compareViews(
  build: RunningBuild,
  views: readonly Model[],
): Promise<() => Promise<readonly KpiChange[]>> {
  const { client } = build;
  const kept = new Map<string, readonly Column[]>();
  for (const view of views) {
    const columns = await columnsOf(client, quoted(view.schema, view.relation));
    if (columns.length === 0) continue;
    kept.set(view.name, columns);
    await client.query(
      `create temporary table ${quoted(keptName(view))} on commit drop as select * from ${quoted(view.schema, view.relation)}`,
    );
  }
  return async () => {
    const lineage = projectLineage(build.project, [...build.project.models]);
    const isPersonal = personalColumns(build.project.models, lineage);
    await client.query(`create schema ${quoted(PLANNED)}`);
    const changes: KpiChange[] = [];
    for (const view of views) {
      await createPlanned(build, view, views);
      const before = kept.get(view.name);
      const after = await columnsOf(client, quoted(PLANNED, view.relation));
      const shared = after.filter(
        ({ name }) =>
          isPersonal(view.name, name) === undefined &&
          (before?.some((column) => column.name === name) ?? true),
      );
      const rows = {
        before: before && `pg_temp.${quoted(keptName(view))}`,
        after: quoted(PLANNED, view.relation),
        columns: shared,
      };
      changes.push(await compareView(client, view, rows));
    }
    return changes;
  };
}

const PLANNED = "elt_plan";

function keptName(view: Model): string {
  return `elt_kept_${view.relation}`;
}

async function createPlanned(
  build: RunningBuild,
  view: Model,
  views: readonly Model[],
): Promise<void> {
  const isView = (name: string) => views.some((one) => one.name === name);
  const edited = applyEdits(
    view.select,
    referenceEdits(view, ({ schema, relation }) => {
      const name = `${schema}.${relation}`;
      return isView(name) ? PLANNED : build.standIns.get(name);
    }),
  );
  const before = `create view ${quoted(PLANNED, view.relation)} as\n`;
  await inSavepoint(build.client, view, { ...edited, before }, () =>
    build.client.query(before + edited.text),
  );
}

/** The rows that a view has and those that it would have, as relations, quoted. */
export type ViewRows = {
  /** Undefined: it does not stand yet. */
  readonly before: string | undefined;
  readonly after: string;
  /** Columns that both have, and that are not personal. */
  readonly columns: readonly Column[];
};

/**
 * Compares the rows of a view, matched by everything that is no measure: months, names, numbers of
 * things. The client's transaction stays usable when a view fails.
 */
export async function compareView(
  client: PoolClient,
  view: Model,
  { before, after, columns }: ViewRows,
): Promise<KpiChange> {
  return before === undefined
    ? newView(client, view, after)
    : compare(client, view, { before, after, columns });
}

async function newView(client: PoolClient, view: Model, relation: string): Promise<KpiChange> {
  const after = await countRows(client, view, relation);
  return {
    view: view.name,
    status: "new",
    rowsBefore: 0,
    rowsAfter: after,
    differing: after,
    rows: [],
    totals: {},
  };
}

async function compare(
  client: PoolClient,
  view: Model,
  { before, after, columns }: ViewRows & { readonly before: string },
): Promise<KpiChange> {
  const labels = columns.filter((column) => !isMeasure(column)).map(({ name }) => name);
  const measures = columns.filter(isMeasure).map(({ name }) => name);
  const twin = `row(${labels.map((name) => quoted(name)).join(", ")})::text`;
  const numbered = (relation: string) =>
    `(select *, ${twin} || ' ' || row_number() over (partition by ${twin}) as elt_twin from ${relation})`;
  const label = labels.map(
    (name) => `'${literal(name)}', coalesce(b.${quoted(name)}::text, a.${quoted(name)}::text)`,
  );
  const value = measures.map(
    (name) =>
      `case when b.${quoted(name)} is distinct from a.${quoted(name)} then
         jsonb_build_object('${literal(name)}', jsonb_build_array(b.${quoted(name)}::text, a.${quoted(name)}::text))
       else '{}' end`,
  );
  const differs = [
    "b.elt_twin is null",
    "a.elt_twin is null",
    ...measures.map((name) => `b.${quoted(name)} is distinct from a.${quoted(name)}`),
  ].join(" or ");
  const statement = `
    select
      json_build_object(${label.join(", ")}) as label,
      ${value.length === 0 ? "'{}'::jsonb" : value.join(" || ")} as values,
      count(*) over ()::int as differing
    from ${numbered(before)} as b
    full join ${numbered(after)} as a on a.elt_twin = b.elt_twin
    where ${differs}
    order by coalesce(b.elt_twin, a.elt_twin)
    limit ${SHOWN_ROWS}`;
  const { rows } = await inSavepoint(client, view, { text: "", before: "" }, () =>
    client.query<ChangedKpi & { readonly differing: number }>(statement),
  );
  return {
    view: view.name,
    status: "compared",
    rowsBefore: await countRows(client, view, before),
    rowsAfter: await countRows(client, view, after),
    differing: rows[0]?.differing ?? 0,
    rows: rows.map((row) => ({ label: row.label, values: row.values })),
    totals: await changedTotals(client, measures.filter(isSummable), before, after),
  };
}

async function changedTotals(
  client: PoolClient,
  measures: readonly string[],
  before: string,
  after: string,
): Promise<ChangedKpi["values"]> {
  if (measures.length === 0) return {};
  const sums = measures.map((name) => `sum(${quoted(name)})::text`).join(", ");
  const { rows } = await client.query<{ sums: readonly (string | null)[] }>(
    `select array[${sums}] as sums from ${before} union all select array[${sums}] from ${after}`,
  );
  const [old, now] = rows.map((row) => row.sums);
  const changed = measures.flatMap((name, i) => {
    const pair = [old?.[i] ?? null, now?.[i] ?? null] as const;
    return pair[0] === pair[1] ? [] : [[name, pair] as const];
  });
  return Object.fromEntries(changed);
}

/** Averages and percentages of rows do not add up. */
function isSummable(name: string): boolean {
  return !/(ticket|media|percentual|oferta|vso_por)/.test(name);
}

/** Money, counts and percentages; years, months and numbers of things tell rows apart. */
function isMeasure({ name, type }: Column): boolean {
  return /^(numeric|integer|double|real)/.test(type) && !/(^|_)(id|ano|numero|lugar)$/.test(name);
}

async function countRows(client: PoolClient, view: Model, relation: string): Promise<number> {
  const { rows } = await inSavepoint(client, view, { text: "", before: "" }, () =>
    client.query<{ n: number }>(`select count(*)::int as n from ${relation}`),
  );
  return rows[0]?.n ?? 0;
}

async function inSavepoint<T>(
  client: PoolClient,
  view: Model,
  sent: Parameters<typeof explainFailure>[3],
  work: () => Promise<T>,
): Promise<T> {
  await client.query("savepoint planned");
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    await client.query("rollback to savepoint planned");
    throw await explainFailure(client, view, error, sent);
  }
}

function literal(text: string): string {
  return text.replaceAll("'", "''");
}
