import { execute, query, type SQLQuery, sql } from "../../extract/query.ts";
import type { ColumnsRead } from "./columns-read.ts";
import type { KeyLocality, LookupInput } from "./key-locality.ts";
import { changedRecords, type UnbuiltLoads } from "./landing-changes.ts";
import { landingObjectOf } from "./order.ts";
import { changeOf, placeOf, type RunningBuild } from "./running-build.ts";
import { columnList, type Delta, oldColumn, sameKey } from "./table-delta.ts";

/** Keys to compute again: a temporary table with the columns `k1`, `k2`…, each key once. */
export type ChangedKeys = { readonly name: string; readonly count: number };

/**
 * Collects the keys that the changed rows of the inputs carried before or carry now: a row that
 * moved from one key to another touches both.
 * @param read by relation, the columns that the model looks at
 */
export async function collectChangedKeys(
  build: RunningBuild,
  { inputs, whole }: Pick<KeyLocality & { readonly keyLocal: true }, "inputs" | "whole">,
  loads: UnbuiltLoads,
  read: ReadonlyMap<string, ColumnsRead>,
): Promise<ChangedKeys> {
  const own = inputs.flatMap(({ relation, columns }) => {
    const [schema = "", name = ""] = relation.split(".");
    if (schema === "landing") {
      const object = landingObjectOf(name);
      const ids = loads.get(object);
      return ids === undefined ? [] : [landingKeys(object, ids, columns)];
    }
    const change = changeOf(build, relation);
    if (change.status !== "rows") return [];
    const place = placeOf(build, schema, name);
    return deltaKeys(change.delta, place, columns, read.get(relation) ?? "all");
  });
  const lookedUp = whole.flatMap(({ relation, lookups }) =>
    lookups.flatMap((lookup) => keysThrough(build, relation, lookup, read.get(relation) ?? "all")),
  );
  const queries = [...own, ...lookedUp];
  const [first] = inputs;
  const width = first?.columns.length ?? 0;
  const names = Array.from({ length: width }, (_, index) => sql.ident(`k${index + 1}`));
  const table = build.temporaryName("keys");
  if (queries.length === 0) return { name: table, count: 0 };
  const present = sql.join(
    names.map((column) => sql`${column} is not null`),
    " AND ",
  );
  const count = await execute(
    build.client,
    sql`
      create temporary table ${sql.ident(table)} on commit drop as
      select distinct *
      from (${sql.join(queries, sql` union all `)}) as keys (${sql.join(names, ", ")})
      where ${present}`,
  );
  if (count > 0) await execute(build.client, sql`analyze ${sql.ident("pg_temp", table)}`);
  return { name: table, count };
}

/** Only (conta, chave) can be followed through landing; other columns are inside the payload. */
function landingKeys(
  object: string,
  loads: readonly bigint[],
  columns: readonly string[],
): SQLQuery {
  const list = sql.join(
    columns.map((column) => sql.ident("changed", column)),
    ", ",
  );
  return sql`select ${list} from (${changedRecords(object, loads)}) as changed`;
}

function deltaKeys(
  delta: Delta,
  place: SQLQuery,
  columns: readonly string[],
  read: ColumnsRead,
): readonly SQLQuery[] {
  const before = columns.map((column) =>
    sql.ident("delta", delta.key.includes(column) ? column : oldColumn(column)),
  );
  const now = columns.map((column) => sql.ident("present", column));
  const counts = isRelevant(read);
  return [
    sql`
      select ${sql.join(before, ", ")}
      from ${delta.table} as delta
      where delta.elt_action <> 'add' and ${counts}`,
    sql`
      select ${sql.join(now, ", ")}
      from ${place} as present
      inner join ${delta.table} as delta on ${sameKey(delta.key, "present", "delta")}
      where delta.elt_action <> 'remove' and ${counts}`,
  ];
}

/** Keys of the restricted rows that meet, or met, a changed row of another input. */
function keysThrough(
  build: RunningBuild,
  relation: string,
  { columns, through, throughColumns }: LookupInput,
  read: ColumnsRead,
): readonly SQLQuery[] {
  const change = changeOf(build, relation);
  if (change.status !== "rows") return [];
  const place = (name: string) => {
    const [schema = "", table = ""] = name.split(".");
    return placeOf(build, schema, table);
  };
  const values = deltaKeys(change.delta, place(relation), columns, read);
  const keys = through.columns.map((column) => sql.ident("met", column));
  return [
    sql`
      select ${sql.join(keys, ", ")}
      from ${place(through.relation)} as met
      where (${columnList(throughColumns, "met")}) in (${sql.join([...values], sql` union `)})`,
  ];
}

/** A row that comes or goes always counts, another one when a column changed that is looked at. */
function isRelevant(read: ColumnsRead): SQLQuery {
  return read === "all"
    ? sql`true`
    : sql`(delta.elt_action <> 'change' or delta.elt_changed && ${[...read]}::text[])`;
}

/** Whether a difference holds anything that a reader of these columns can see. */
export async function isSeen(
  { client }: Pick<RunningBuild, "client">,
  delta: Delta,
  read: ColumnsRead,
): Promise<boolean> {
  const [row] = await query<{ seen: boolean }>(
    client,
    sql`
      select exists (select from ${delta.table} as delta where ${isRelevant(read)}) as seen`,
  );
  return row?.seen ?? true;
}

/** Whether these loads brought or took away any record. */
export async function bringRecords(
  { client }: Pick<RunningBuild, "client">,
  loads: UnbuiltLoads,
): Promise<boolean> {
  for (const [object, ids] of loads) {
    const [row] = await query<{ any: boolean }>(
      client,
      sql`select exists (${changedRecords(object, ids)}) as any`,
    );
    if (row?.any ?? true) return true;
  }
  return false;
}
