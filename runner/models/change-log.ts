import { execute, type Queryable, type SQLQuery, sql } from "../../extract/query.ts";
import type { Model } from "./project.ts";
import { type Delta, oldColumn, sameKey, sizeOf } from "./table-delta.ts";

/** Days that `elt.changes` remembers when nothing else is asked for. */
export const KEEP_CHANGES_DAYS = 90;

/**
 * Writes the applied difference of a mart into `elt.changes`: one row per changed cell, one per row that came
 * or went. Personal columns are told without values.
 * @param place where the published rows stand
 * @param columns those to tell of: all of the delta, or the personal ones of a table beside it
 */
export async function logChanges(
  database: Queryable,
  { runId, model }: { readonly runId: bigint; readonly model: Model },
  delta: Delta,
  place: SQLQuery,
  told: "every column" | "personal columns",
): Promise<void> {
  // Staging holds clear values, and landing has its history.
  if (sizeOf(delta) === 0 || model.schema !== "marts") return;
  const key = objectOf(delta.key.map((name) => [name, sql.ident("delta", name)] as const));
  const columns = delta.columns.filter((name) => !delta.key.includes(name));
  const open = columns.filter((name) => !model.header.pii.has(name));
  const personal = columns.filter((name) => model.header.pii.has(name));
  const join = sql`
    ${delta.table} as delta
    left join ${place} as present on ${sameKey(delta.key, "present", "delta")}`;
  const insert = sql`
    insert into elt.changes (run_id, model, key, action, column_name, old, new)`;

  if (delta.changed > 0 && told === "every column" && open.length > 0) {
    const cells = open.map(
      (name) => sql`
        (${name}::text, to_jsonb(${sql.ident("delta", oldColumn(name))}),
          to_jsonb(${sql.ident("present", name)}))`,
    );
    await execute(
      database,
      sql`
        ${insert}
        select ${runId}, ${model.name}, ${key}, 'changed', cell.name, cell.old, cell.new
        from ${join}
        cross join lateral (values ${sql.join(cells, ", ")}) as cell (name, old, new)
        where delta.elt_action = 'change' and cell.name = any (delta.elt_changed)`,
    );
  }
  // Of a table with a masked and a clear form, the clear one knows of every change.
  if (delta.changed > 0 && told === "personal columns" && personal.length > 0) {
    await execute(
      database,
      sql`
        ${insert}
        select ${runId}, ${model.name}, ${key}, 'changed', cell.name, null, null
        from ${delta.table} as delta
        cross join lateral unnest(delta.elt_changed) as cell (name)
        where delta.elt_action = 'change' and cell.name = any (${personal}::text[])`,
    );
  }
  if (delta.added + delta.removed > 0 && told === "every column") {
    const before = objectOf(
      open.map((name) => [name, sql.ident("delta", oldColumn(name))] as const),
    );
    const now = objectOf(open.map((name) => [name, sql.ident("present", name)] as const));
    await execute(
      database,
      sql`
        ${insert}
        select
          ${runId}, ${model.name}, ${key},
          case delta.elt_action when 'add' then 'added' else 'removed' end,
          null,
          case delta.elt_action when 'remove' then ${before} end,
          case delta.elt_action when 'add' then ${now} end
        from ${join}
        where delta.elt_action <> 'change'`,
    );
  }
}

/** A jsonb object of values by name. A function takes a hundred arguments at most: parts are put together. */
function objectOf(fields: readonly (readonly [string, SQLQuery])[]): SQLQuery {
  const parts: SQLQuery[] = [];
  for (let start = 0; start < fields.length; start += 40) {
    const pairs = fields
      .slice(start, start + 40)
      .map(([name, value]) => sql`${name}::text, ${value}`);
    parts.push(sql`jsonb_build_object(${sql.join(pairs, ", ")})`);
  }
  return parts.length === 0 ? sql`'{}'::jsonb` : sql`(${sql.join(parts, sql` || `)})`;
}

/** Lets go of changes that are older than the days to remember. */
export async function pruneChanges(database: Queryable, keepDays: number): Promise<void> {
  await execute(
    database,
    sql`delete from elt.changes where changed_at < now() - make_interval(days => ${keepDays}::integer)`,
  );
}

/**
 * Takes values that were told while a column was not yet `@pii` out of what is remembered of a
 * model: of its changes, and of rows that failed its tests.
 */
export async function hidePersonal(
  database: Queryable,
  { name, header }: Pick<Model, "name" | "header">,
): Promise<void> {
  if (header.pii.size === 0) return;
  const personal = sql`${[...header.pii.keys()]}::text[]`;
  await execute(
    database,
    sql`
      update elt.changes
      set
        old = case when column_name is null then old - ${personal} end,
        new = case when column_name is null then new - ${personal} end
      where model = ${name}
        and case
          when column_name is null then old ?| ${personal} or new ?| ${personal}
          else column_name = any (${personal}) and (old is not null or new is not null)
        end`,
  );
  await execute(
    database,
    sql`
      update elt.test_results
      set sample = (
        select jsonb_agg(failing.fields - ${personal})
        from jsonb_array_elements(sample) as failing (fields)
      )
      where model = ${name}
        and exists (
          select
          from jsonb_array_elements(sample) as failing (fields)
          where failing.fields ?| ${personal}
        )`,
  );
}
