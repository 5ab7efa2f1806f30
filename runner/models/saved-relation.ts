import type { PoolClient } from "pg";
import { query, sql } from "../../extract/query.ts";

/** A relation that people made or gave rights on, as statements that make it again. */
export type SavedRelation = {
  /** `schema.name`, quoted where needed. */
  readonly name: string;
  /** `schema.name` as models are named. */
  readonly plainName: string;
  readonly kind: "table" | "view" | "materialized view";
  /** Makes it and its rows anew; empty for a table. */
  readonly create: string;
  /** Owner, rights, comments, triggers, rules, indexes of a materialized view. */
  readonly properties: readonly string[];
};

/**
 * Everything that stands on these relations, directly or through others, in an order in which it
 * can be made again. Views that use a column of another see through to the table, so the catalogue
 * of rewrite rules knows them all.
 */
export async function readDependents(
  client: PoolClient,
  relations: readonly string[],
): Promise<readonly SavedRelation[]> {
  const rows = await query<{ oid: string }>(
    client,
    sql`
      with recursive standing as (
        select to_regclass(name)::oid as oid, 0 as depth
        from unnest(${relations}::text[]) as name
        union
        select pg_rewrite.ev_class, standing.depth + 1
        from standing
        inner join pg_depend
          on refclassid = 'pg_class'::regclass and refobjid = standing.oid
            and classid = 'pg_rewrite'::regclass and deptype = 'n'
        inner join pg_rewrite on pg_rewrite.oid = objid and ev_class <> standing.oid
        where standing.depth < 100
      )
      select oid::text
      from standing
      where depth > 0
      group by oid
      order by max(depth), oid`,
  );
  const saved: SavedRelation[] = [];
  for (const { oid } of rows) saved.push(await saveRelation(client, oid));
  return saved;
}

/** Reads one relation by its oid. Names in the statements are complete, whatever the search path. */
export async function saveRelation(client: PoolClient, oid: string): Promise<SavedRelation> {
  const path = await query<{ path: string }>(
    client,
    sql`select current_setting('search_path') as path`,
  );
  await client.query("select set_config('search_path', 'pg_catalog', true)");
  const [row] = await query<{
    name: string;
    plain_name: string;
    relkind: string;
    create: string | null;
    properties: string[];
  }>(
    client,
    sql`
      with relation as (
        select
          pg_class.oid, relkind, relowner, relacl, reloptions, relispopulated,
          format('%I.%I', nspname, relname) as name,
          nspname || '.' || relname as plain_name,
          case relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end as kind
        from pg_class
        inner join pg_namespace on pg_namespace.oid = relnamespace
        where pg_class.oid = ${oid}::oid
      ),
      properties (place, statement) as (
        select 1, format('alter %s %s owner to %I', kind, name, rolname)
        from relation
        inner join pg_roles on pg_roles.oid = relowner
        where rolname <> current_user
        union all
        select 2, format(
          'grant %s on %s to %s%s', privilege_type, name,
          case grantee when 0 then 'public' else quote_ident(rolname) end,
          case when is_grantable then ' with grant option' else '' end
        )
        from relation
        cross join lateral aclexplode(relacl)
        left join pg_roles on pg_roles.oid = grantee
        where grantee <> relowner and (grantee = 0 or rolname is not null)
        union all
        select 2, format(
          'grant %s (%I) on %s to %s%s', privilege_type, attname, name,
          case grantee when 0 then 'public' else quote_ident(rolname) end,
          case when is_grantable then ' with grant option' else '' end
        )
        from relation
        inner join pg_attribute on attrelid = relation.oid and not attisdropped
        cross join lateral aclexplode(attacl)
        left join pg_roles on pg_roles.oid = grantee
        where grantee = 0 or rolname is not null
        union all
        select 3, case objsubid
          when 0 then format('comment on %s %s is %L', kind, name, description)
          else format('comment on column %s.%I is %L', name, attname, description)
        end
        from relation
        inner join pg_description on objoid = relation.oid and classoid = 'pg_class'::regclass
        left join pg_attribute on attrelid = relation.oid and attnum = objsubid
        union all
        select 4, pg_get_indexdef(indexrelid)
        from relation
        inner join pg_index on indrelid = relation.oid
        where relkind = 'm'
        union all
        select 5, pg_get_triggerdef(pg_trigger.oid)
        from relation
        inner join pg_trigger on tgrelid = relation.oid
        where not tgisinternal
        union all
        select 6, format('alter %s %s %s trigger %I', 'table', name,
          case tgenabled when 'D' then 'disable' when 'R' then 'enable replica' else 'enable always' end,
          tgname)
        from relation
        inner join pg_trigger on tgrelid = relation.oid
        where not tgisinternal and tgenabled <> 'O' and relkind = 'r'
        union all
        select 6, format('alter %s %s alter column %I set statistics %s', kind, name, attname, attstattarget)
        from relation
        inner join pg_attribute on attrelid = relation.oid
        where attstattarget >= 0 and attnum > 0 and not attisdropped
        union all
        select 6, format('alter %s %s alter column %I set (%s)', kind, name, attname,
          array_to_string(attoptions, ', '))
        from relation
        inner join pg_attribute on attrelid = relation.oid
        where attoptions is not null and attnum > 0 and not attisdropped
        union all
        select 6, format('alter view %s alter column %I set default %s', name, attname,
          pg_get_expr(adbin, adrelid))
        from relation
        inner join pg_attrdef on adrelid = relation.oid
        inner join pg_attribute on attrelid = relation.oid and attnum = adnum
        where relkind = 'v'
        union all
        select 6, format('comment on index %I.%I is %L', nspname, index.relname, description)
        from relation
        inner join pg_index on indrelid = relation.oid
        inner join pg_class as index on index.oid = indexrelid
        inner join pg_namespace on pg_namespace.oid = index.relnamespace
        inner join pg_description on objoid = indexrelid and classoid = 'pg_class'::regclass
        where relation.relkind = 'm'
        union all
        select 6, pg_get_ruledef(pg_rewrite.oid)
        from relation
        inner join pg_rewrite on ev_class = relation.oid
        where rulename <> '_RETURN'
      )
      select
        name,
        plain_name,
        relkind,
        case when relkind in ('v', 'm') then format(
          'create %s %s%s as %s%s',
          kind,
          name,
          ' with (' || nullif(array_to_string(reloptions, ', '), '') || ')',
          rtrim(pg_get_viewdef(oid), ';'),
          case when relkind = 'm' and not relispopulated then ' with no data' else '' end
        ) end as create,
        array(select statement from properties order by place) as properties
      from relation`,
  );
  await query(client, sql`select set_config('search_path', ${path[0]?.path ?? ""}, true)`);
  if (row === undefined) throw new Error(`relation ${oid} is gone`);
  return {
    name: row.name,
    plainName: row.plain_name,
    kind: row.relkind === "v" ? "view" : row.relkind === "m" ? "materialized view" : "table",
    create: row.create ?? "",
    properties: row.properties,
  };
}

/** Makes a dropped relation again as it was. */
export async function restoreRelation(client: PoolClient, saved: SavedRelation): Promise<void> {
  if (saved.create !== "") await client.query(saved.create);
  await restoreProperties(client, saved);
}

/**
 * Gives a relation that was made anew what the one before it had. What default privileges gave the
 * new one is taken back first: somebody may have revoked it from the other.
 */
export async function restoreProperties(
  client: PoolClient,
  { name, properties }: Pick<SavedRelation, "name" | "properties">,
): Promise<void> {
  const given = await query<{ statement: string }>(
    client,
    sql`
      select distinct format(
        'revoke all on %s from %s', ${name}::text,
        case grantee when 0 then 'public' else quote_ident(rolname) end
      ) as statement
      from pg_class
      cross join lateral aclexplode(relacl)
      left join pg_roles on pg_roles.oid = grantee
      where pg_class.oid = to_regclass(${name})
        and grantee <> relowner and (grantee = 0 or rolname is not null)`,
  );
  for (const { statement } of given) await client.query(statement);
  for (const statement of properties) await client.query(statement);
}
