import type { PoolClient } from "pg";
import { execute, query, type SQLQuery, sql } from "../../extract/query.ts";
import { standInSchema } from "./running-build.ts";
import { restoreProperties, type SavedRelation, saveRelation } from "./saved-relation.ts";

/** A published table and the one that takes its place. */
export type TableSwap = { readonly schema: string; readonly relation: string };

/** What people put on a table, to be carried to the one that takes its place. */
export type CarriedTable = {
  readonly saved: SavedRelation;
  /** Policies, triggers, statistics, storage options, publications: set after the swap. */
  readonly statements: readonly string[];
  /** What names a column that is gone, and so cannot be carried. */
  readonly left: readonly string[];
};

/**
 * Creates the indexes that people put on the published table on the one that takes its place,
 * before readers have to wait for anything.
 * @returns the indexes that name a column which is gone
 */
export async function carryIndexes(
  client: PoolClient,
  { schema, relation }: TableSwap,
): Promise<readonly string[]> {
  const next = standInSchema(schema);
  const indexes = await query<{ name: string; definition: string; fits: boolean; known: boolean }>(
    client,
    sql`
      select
        pg_class.relname as name,
        pg_get_indexdef(indexrelid) as definition,
        not exists (
          select
          from pg_depend
          inner join pg_attribute on attrelid = refobjid and attnum = refobjsubid
          where classid = 'pg_class'::regclass and objid = indexrelid and refobjid = indrelid
            and not exists (
              select
              from pg_attribute as next
              where next.attrelid = to_regclass(format('%I.%I', ${next}::text, ${relation}::text))
                and next.attname = pg_attribute.attname and not next.attisdropped
            )
        ) as fits,
        exists (
          select
          from pg_index as other
          where other.indrelid = to_regclass(format('%I.%I', ${next}::text, ${relation}::text))
            and regexp_replace(pg_get_indexdef(other.indexrelid), '^.* USING ', '')
              = regexp_replace(pg_get_indexdef(pg_index.indexrelid), '^.* USING ', '')
        ) as known
      from pg_index
      inner join pg_class on pg_class.oid = indexrelid
      where indrelid = to_regclass(format('%I.%I', ${schema}::text, ${relation}::text))
        and not indisprimary
        and not exists (
          select from pg_constraint where conindid = indexrelid and contype in ('u', 'x')
        )`,
  );
  for (const { definition, fits, known } of indexes) {
    if (!fits || known) continue;
    await client.query(
      definition.replace(/ ON (ONLY )?.* USING /, ` ON ${quoted(next, relation)} USING `),
    );
  }
  return indexes.filter(({ fits }) => !fits).map(({ name }) => `index ${name}`);
}

/** Reads what else the published table carries. */
export async function readCarried(
  client: PoolClient,
  { schema, relation }: TableSwap,
): Promise<CarriedTable> {
  const [table] = await query<{ oid: string }>(
    client,
    sql`select to_regclass(format('%I.%I', ${schema}::text, ${relation}::text))::oid::text as oid`,
  );
  const oid = table?.oid ?? "0";
  const [version] = await query<{ number: number }>(
    client,
    sql`select current_setting('server_version_num')::integer as number`,
  );
  const rows = await query<{ statement: string | null }>(
    client,
    sql`
      with relation as (
        select pg_class.oid, format('%I.%I', nspname, relname) as name, reloptions, relreplident,
          relforcerowsecurity
        from pg_class
        inner join pg_namespace on pg_namespace.oid = relnamespace
        where pg_class.oid = ${oid}::oid
      )
      select format(
        'create policy %I on %s as %s for %s to %s%s%s',
        polname, name,
        case when polpermissive then 'permissive' else 'restrictive' end,
        case polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
          when 'd' then 'delete' else 'all' end,
        (
          select string_agg(case role when 0 then 'public' else role::regrole::text end, ', ')
          from unnest(polroles) as role
        ),
        ' using (' || pg_get_expr(polqual, oid) || ')',
        ' with check (' || pg_get_expr(polwithcheck, oid) || ')'
      ) as statement
      from (
        select relation.oid, relation.name, polname, polpermissive, polcmd, polroles, polqual,
          polwithcheck
        from relation
        inner join pg_policy on polrelid = relation.oid and polname <> 'por_conta'
      ) as policy
      union all
      select statement
      from relation
      inner join pg_statistic_ext on stxrelid = relation.oid
      cross join lateral (
        select format('%I.%I', stxnamespace::regnamespace::name, stxname) as stx_name
      ) as named
      cross join lateral (
        values
          (pg_get_statisticsobjdef(pg_statistic_ext.oid)),
          (
            case when stxstattarget >= 0 then
              format('alter statistics %s set statistics %s', stx_name, stxstattarget)
            end
          ),
          (
            format('comment on statistics %s is %L', stx_name,
              obj_description(pg_statistic_ext.oid, 'pg_statistic_ext'))
          )
      ) as each (statement)
      union all
      select format('alter table %s set (%s)', name, array_to_string(reloptions, ', '))
      from relation
      where reloptions is not null
      union all
      select format('alter table %s replica identity %s', name,
        case relreplident when 'f' then 'full' else 'nothing' end)
      from relation
      where relreplident in ('f', 'n')
      union all
      select format('alter table %s force row level security', name)
      from relation
      where relforcerowsecurity
      union all
      select statement
      from relation
      inner join pg_index on indrelid = relation.oid
      inner join pg_class as index on index.oid = indexrelid
      cross join lateral (
        values
          (
            case when indisreplident then
              format('alter table %s replica identity using index %I', name, index.relname)
            end
          ),
          (
            case when indisclustered then
              format('alter table %s cluster on %I', name, index.relname)
            end
          ),
          (
            format('comment on index %I.%I is %L', ${schema}::text, index.relname,
              obj_description(indexrelid, 'pg_class'))
          )
      ) as each (statement)
      where exists (
        select
        from pg_class as carried
        where carried.relname = index.relname
          and carried.relnamespace = to_regnamespace(${quoted(standInSchema(schema))})
      )
      union all
      ${publications(version?.number ?? 0)}`,
  );
  const saved = await saveRelation(client, oid);
  if (saved.kind !== "table") {
    // A view becomes a table: only rights mean the same on both.
    const isRight = (statement: string) => statement.startsWith("grant ");
    const left = saved.properties.filter((one) => !isRight(one) && !one.startsWith("comment on "));
    const rights = { ...saved, properties: saved.properties.filter(isRight) };
    return { saved: rights, statements: [], left };
  }
  // Comments are the model's; the new table has its own already.
  const properties = saved.properties.filter((statement) => !statement.startsWith("comment on "));
  const gone = await query<{ name: string }>(
    client,
    sql`
      select attname as name
      from pg_attribute
      where attrelid = ${oid}::oid and attnum > 0 and not attisdropped
        and not exists (
          select
          from pg_attribute as next
          where next.attrelid
              = to_regclass(format('%I.%I', ${standInSchema(schema)}::text, ${relation}::text))
            and next.attname = pg_attribute.attname and not next.attisdropped
        )`,
  );
  const namesGone = (statement: string) =>
    gone.some(
      ({ name }) => statement.includes(` (${quoted(name)}) `) || statement.includes(` (${name}) `),
    );
  return {
    saved: { ...saved, properties: properties.filter((statement) => !namesGone(statement)) },
    statements: rows.flatMap(({ statement }) => statement ?? []),
    left: properties.filter(namesGone),
  };
}

/** Publications that name the table: what one leaves out stays out of it. */
function publications(version: number): SQLQuery {
  // Before 15 they know neither columns nor conditions.
  const columns = sql`
    (
      select ' (' || string_agg(quote_ident(attname), ', ' order by attnum) || ')'
      from pg_attribute
      where attrelid = prrelid and attnum = any (prattrs)
    )`;
  const condition = sql`' where (' || pg_get_expr(prqual, prrelid) || ')'`;
  const rest = version < 150_000 ? sql`null, null` : sql`${columns}, ${condition}`;
  return sql`
    select format('alter publication %I add table %s%s%s', pubname, name, ${rest})
    from relation
    inner join pg_publication_rel on prrelid = relation.oid
    inner join pg_publication on pg_publication.oid = prpubid`;
}

/** Puts the new table in the place of the published one, on which nothing may stand any more. */
export async function swapTable(
  client: PoolClient,
  { schema, relation }: TableSwap,
  { saved, statements }: CarriedTable,
): Promise<void> {
  const drop = sql.__dangerous__rawValue(`drop ${saved.kind}`);
  await execute(client, sql`${drop} ${sql.ident(schema, relation)}`);
  await execute(
    client,
    sql`alter table ${sql.ident(standInSchema(schema), relation)} set schema ${sql.ident(schema)}`,
  );
  await restoreProperties(client, saved);
  for (const statement of statements) await client.query(statement);
}

function quoted(...parts: readonly string[]): string {
  return parts.map((part) => `"${part.replaceAll('"', '""')}"`).join(".");
}
