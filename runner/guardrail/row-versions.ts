import { type SQLQuery, sql } from "../../extract/query.ts";
import { quoted } from "../models/draft.ts";
import { primaryKeyOf } from "../models/finish-table.ts";
import type { Model } from "../models/project.ts";
import { changeOf, placeOf, type RunningBuild } from "../models/running-build.ts";
import { columnList, computeDelta, type Delta, oldColumn, sameKey } from "../models/table-delta.ts";
import { type Column, columnsOf } from "../models/table-diff.ts";
import type { ReadGuard } from "./read-guards.ts";
import { sameAsTouched, type Touched } from "./trace-source.ts";

/** The rows of a guarded model as they are published and as a build would publish them. */
export type RowVersions = {
  /** The guards whose columns both have. */
  readonly guards: readonly ReadGuard[];
  /** Columns that a guard needs and that the published table does not have, or of another kind. */
  readonly lost: readonly string[];
  readonly before: SQLQuery;
  readonly after: SQLQuery;
  /** How they differ; undefined where rows cannot be told apart. */
  readonly delta: Delta | undefined;
  /** The rows of before with those differences alone that rest on what was touched. */
  readonly withOnly: (touched: Touched) => SQLQuery;
};

/**
 * Tells a model's rows before this build from those after it. What is published was perhaps
 * overwritten by this transaction; the difference that was applied has the values of before.
 * @returns undefined when nothing changed, or nothing was published before
 */
export async function rowVersions(
  build: RunningBuild,
  model: Model,
): Promise<RowVersions | undefined> {
  const change = changeOf(build, model.name);
  const { header, guards, schema, relation } = model;
  const place = placeOf(build, schema, relation);
  if (change.status === "rows") {
    const needed = [...new Set([...header.key, ...guards.flatMap(({ columns }) => columns)])];
    return { guards, lost: [], ...versionsByDelta(place, needed, change.delta) };
  }
  if (change.status === "unchanged" || !build.standIns.has(model.name)) return undefined;
  return versionsBeside(build, model, place);
}

type Versions = Omit<RowVersions, "guards" | "lost">;

function versionsByDelta(place: SQLQuery, columns: readonly string[], delta: Delta): Versions {
  const before = columns.map((column) =>
    delta.key.includes(column)
      ? sql.ident("delta", column)
      : sql`${sql.ident("delta", oldColumn(column))} as ${sql.ident(column)}`,
  );
  /** The rows after it, without the differences that a condition on `delta` names. */
  const without = (condition: SQLQuery): SQLQuery => sql`
    (
      select ${columnList(columns, "present")}
      from ${place} as present
      where not exists (
        select
        from ${delta.table} as delta
        where ${sameKey(delta.key, "present", "delta")}
          and delta.elt_action <> 'remove' and ${condition}
      )
      union all
      select ${sql.join(before, ", ")}
      from ${delta.table} as delta
      where delta.elt_action <> 'add' and ${condition}
    )`;
  return {
    before: without(sql`true`),
    after: sql`(select ${columnList(columns, "present")} from ${place} as present)`,
    delta,
    withOnly: (touched) => without(sql`not ${isTouched(delta, touched)}`),
  };
}

function isTouched({ key }: Delta, touched: Touched): SQLQuery {
  if (touched.kind !== "keys") return touched.kind === "all" ? sql`true` : sql`false`;
  const before = (column: string): SQLQuery =>
    sql.ident("delta", key.includes(column) ? column : oldColumn(column));
  return sql`
    exists (
      select from ${touched.table} as touched where ${sameAsTouched(touched.columns.map(before))}
    )`;
}

const NUMBER = /^(numeric|smallint|integer|bigint|real|double precision)/;

/** A table with other columns waits beside the published one, which is as it was. */
async function versionsBeside(
  build: RunningBuild,
  model: Model,
  place: SQLQuery,
): Promise<RowVersions> {
  const { guards, lost, before, after, columns } = await comparableRows(build, model, place);
  const { key } = model.header;
  const isSameKey = (await primaryKeyOf(build.client, model.name)).join() === key.join();
  if (!isSameKey || !key.every((name) => columns.includes(name))) {
    // Nothing of their difference is known to be the source's.
    return { guards, lost, before, after, delta: undefined, withOnly: () => before };
  }
  const target = sql.ident(model.schema, model.relation);
  const publication = { target, source: after, present: before, columns, key };
  const delta = await computeDelta(build.client, publication, build.temporaryName("guarded"));
  return { guards, lost, ...versionsByDelta(after, columns, delta) };
}

/** Rows of two tables of a model, in the columns that both have. */
export type ComparableRows = Pick<RowVersions, "guards" | "lost" | "before" | "after"> & {
  readonly columns: readonly string[];
};

/**
 * The published rows of a guarded model, and those of a table that stands beside it, with the columns
 * of the key and the guards that can be compared.
 */
export async function comparableRows(
  { client, standIns }: Pick<RunningBuild, "client" | "standIns">,
  model: Model,
  place: SQLQuery,
): Promise<ComparableRows> {
  const published = await columnsOf(client, quoted(model.schema, model.relation));
  const beside = quoted(standIns.get(model.name) ?? model.schema, model.relation);
  const own = await columnsOf(client, beside);
  const typeIn = (columns: readonly Column[], name: string) =>
    columns.find((column) => column.name === name)?.type;
  const isComparable = (name: string): boolean => {
    const [before, now] = [typeIn(published, name), typeIn(own, name)];
    if (before === undefined || now === undefined) return false;
    return before === now || (NUMBER.test(before) && NUMBER.test(now));
  };
  const needed = [...new Set(model.guards.flatMap((guard) => guard.columns))];
  const columns = [...new Set([...model.header.key, ...needed])].filter(isComparable);
  const rows = (table: SQLQuery): SQLQuery => {
    const values = columns.map((name) =>
      typeIn(published, name) === typeIn(own, name)
        ? sql.ident("given", name)
        : sql`${sql.ident("given", name)}::numeric as ${sql.ident(name)}`,
    );
    return sql`(select ${sql.join(values, ", ")} from ${table} as given)`;
  };
  const isGuarded = isComparable("conta");
  return {
    guards: isGuarded ? model.guards.filter((guard) => guard.columns.every(isComparable)) : [],
    lost: isGuarded ? needed.filter((name) => !isComparable(name)) : ["conta"],
    before: rows(sql.ident(model.schema, model.relation)),
    after: rows(place),
    columns,
  };
}
