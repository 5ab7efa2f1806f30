import { type SQLQuery, sql } from "../../extract/query.ts";
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
  const { client } = build;
  const { key } = model.header;
  const published = await columnsOf(client, model.name);
  const own = await columnsOf(
    client,
    `${build.standIns.get(model.name) ?? model.schema}.${model.relation}`,
  );
  const typeIn = (columns: readonly Column[], name: string) =>
    columns.find((column) => column.name === name)?.type;
  const isComparable = (name: string): boolean => {
    const [before, now] = [typeIn(published, name), typeIn(own, name)];
    if (before === undefined || now === undefined) return false;
    return before === now || (NUMBER.test(before) && NUMBER.test(now));
  };
  const needed = [...new Set(model.guards.flatMap(({ columns }) => columns))];
  const guards = model.guards.filter(({ columns }) => columns.every(isComparable));
  const lost = needed.filter((name) => !isComparable(name));
  if (!isComparable("conta")) {
    return { guards: [], lost: ["conta"], before: place, after: place, ...unknown(place) };
  }
  const columns = [...new Set([...key, ...needed])].filter(isComparable);
  const rows = (table: SQLQuery): SQLQuery => {
    const values = columns.map((name) =>
      typeIn(published, name) === typeIn(own, name)
        ? sql.ident("given", name)
        : sql`${sql.ident("given", name)}::numeric as ${sql.ident(name)}`,
    );
    return sql`(select ${sql.join(values, ", ")} from ${table} as given)`;
  };
  const standing = sql.ident(model.schema, model.relation);
  const [before, after] = [rows(standing), rows(place)];
  const keyBefore = await primaryKeyOf(client, model.name);
  const isSameKey = keyBefore.join() === key.join() && key.every(isComparable);
  if (!isSameKey) return { guards, lost, before, after, ...unknown(before) };
  const delta = await computeDelta(
    client,
    { target: standing, source: after, present: before, columns, key },
    build.temporaryName("guarded"),
  );
  return { guards, lost, ...versionsByDelta(after, columns, delta) };
}

/** Rows that cannot be told apart: nothing of their difference is known to be the source's. */
function unknown(before: SQLQuery): Pick<Versions, "delta" | "withOnly"> {
  return { delta: undefined, withOnly: () => before };
}
