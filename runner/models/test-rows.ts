import { type SQLQuery, sql } from "../../extract/query.ts";
import { callsOfExpression, clockOf } from "./model-clock.ts";
import type { ModelTest } from "./model-test.ts";
import type { Model } from "./project.ts";
import { changeOf, placeOf, type RunningBuild } from "./running-build.ts";
import { columnList, type Delta, oldColumn, sameKey } from "./table-delta.ts";

/** Which rows a test must look at: those it passed before need not be asked again. */
export type TestRows =
  | { readonly kind: "all" }
  | { readonly kind: "none" }
  /** A parenthesised SELECT of rows of the model. */
  | { readonly kind: "some"; readonly rows: SQLQuery };

const all: TestRows = { kind: "all" };
const none: TestRows = { kind: "none" };

/**
 * The rows of a table that this build may have made fail a test. What is published passed it, so
 * only rows that changed count, and rows that point at something that went.
 * @param isNew the model's text or tests are not those of the last build
 */
export async function rowsToTest(
  build: RunningBuild,
  model: Model,
  test: ModelTest,
  isNew: boolean,
): Promise<TestRows> {
  const { rule } = test;
  const change = changeOf(build, model.name);
  if (model.build === "view") {
    // It has no rows of its own that could tell what changed.
    const isNewDay = build.statesBefore.get(model.name)?.day !== build.day;
    return isNew || isNewDay || hasChange(build) ? all : none;
  }
  if (isNew || build.options.fullRefresh === true || change.status === "all") return all;
  const place = placeOf(build, model.schema, model.relation);
  const delta = change.status === "rows" ? change.delta : undefined;
  const changed = delta === undefined ? undefined : changedRows(place, delta);
  // Rows that failed within a threshold are published, so a new one is judged together with them.
  const some = (rows: SQLQuery | undefined): TestRows => {
    if (rows === undefined) return none;
    return test.allowed > 0 ? all : { kind: "some", rows };
  };
  switch (rule.kind) {
    case "required":
    case "accepted":
      return some(changed);
    case "check": {
      const calls = await callsOfExpression(rule.expression);
      const clock = clockOf(calls, build.functions);
      const isNewDay = build.statesBefore.get(model.name)?.day !== build.day;
      if (clock === "moment" || (clock === "day" && isNewDay)) return all;
      if (calls.hasSubquery) return hasChange(build) ? all : none;
      return some(changed);
    }
    case "lossless":
      return losslessRows(build, model, place);
    case "unique":
      return some(delta === undefined ? undefined : rowsSharing(place, delta, rule.columns));
    case "references":
      return referencingRows(build, rule, { place, changed, some });
  }
}

function hasChange({ changes }: RunningBuild): boolean {
  return [...changes.values()].some(({ status }) => status !== "unchanged");
}

function changedRows(place: SQLQuery, delta: Delta): SQLQuery {
  return sql`
    (
      select present.*
      from ${place} as present
      inner join ${delta.table} as delta on ${sameKey(delta.key, "present", "delta")}
      where delta.elt_action <> 'remove'
    )`;
}

/** A value that a cast lost leaves its row as it was when there was none before either. */
function losslessRows(build: RunningBuild, model: Model, place: SQLQuery): TestRows {
  const plan = build.plans.get(model.name);
  if (plan === undefined || plan.how === "unchanged") return none;
  if (plan.how !== "incremental") return all;
  const matches = plan.locality.columns.map(
    (column, index) => sql`${sql.ident("k", `k${index + 1}`)} = ${sql.ident("present", column)}`,
  );
  return {
    kind: "some",
    rows: sql`
      (
        select present.*
        from ${place} as present
        inner join ${sql.ident("pg_temp", plan.keys.name)} as k on ${sql.join(matches, " AND ")}
      )`,
  };
}

/** Rows that have the same values in these columns as a changed row has now. */
function rowsSharing(place: SQLQuery, delta: Delta, columns: readonly string[]): SQLQuery {
  return sql`
    (
      select present.*
      from ${place} as present
      where (${columnList(columns, "present")}) in (
        select ${columnList(columns, "changed")} from ${changedRows(place, delta)} as changed
      )
    )`;
}

function referencingRows(
  build: RunningBuild,
  rule: Extract<ModelTest["rule"], { kind: "references" }>,
  own: {
    readonly place: SQLQuery;
    readonly changed: SQLQuery | undefined;
    readonly some: (rows: SQLQuery | undefined) => TestRows;
  },
): TestRows {
  const { place, changed, some } = own;
  const target = build.project.models.find(({ name }) => name === rule.target);
  if (target?.build === "view") {
    return hasChange(build) ? all : none;
  }
  const parent = changeOf(build, rule.target);
  if (parent.status === "all") return all;
  if (parent.status === "unchanged" || !mayLose(parent.delta, rule.targetColumn)) {
    return some(changed);
  }
  const { delta } = parent;
  const before = (name: string) =>
    sql.ident("gone", delta.key.includes(name) ? name : oldColumn(name));
  const orphans = sql`
    select present.*
    from ${place} as present
    where (present.conta, ${sql.ident("present", rule.column)}) in (
      select ${before("conta")}, ${before(rule.targetColumn)}
      from ${delta.table} as gone
      where gone.elt_action = 'remove'
        or gone.elt_changed && ${["conta", rule.targetColumn]}::text[]
    )`;
  const rows =
    changed === undefined ? orphans : sql`select * from ${changed} as own union ${orphans}`;
  return some(sql`(${rows})`);
}

function mayLose(delta: Delta, column: string): boolean {
  return delta.removed > 0 || (delta.changed > 0 && !delta.key.includes(column));
}
