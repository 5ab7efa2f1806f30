import type { Pool } from "pg";
import { query, sql } from "../../../extract/query.ts";

/** A table or view as the database has it. */
export type CatalogueRelation = {
  /** `schema.relation` */
  readonly name: string;
  readonly kind: "table" | "view";
  readonly comment: string | null;
  /** Exact for what was built; else the last estimate; null for a view. */
  readonly rows: number | null;
  /** With indexes; null for a view. */
  readonly bytes: number | null;
  readonly columns: readonly {
    readonly name: string;
    readonly type: string;
    readonly comment: string | null;
  }[];
};

/** The database's name, and every relation of landing, seeds, staging and marts by its name. */
export async function readRelations(pool: Pool): Promise<{
  readonly database: string;
  readonly relations: ReadonlyMap<string, CatalogueRelation>;
}> {
  const [current] = await query<{ name: string }>(pool, sql`select current_database() as name`);
  const rows = await query<CatalogueRelation>(
    pool,
    sql`
      select
        nspname || '.' || relname as name,
        case relkind when 'v' then 'view' else 'table' end as kind,
        obj_description(pg_class.oid, 'pg_class') as comment,
        case relkind
          when 'r' then coalesce(relations.row_count, nullif(reltuples, -1)::bigint)
        end::float8 as rows,
        case relkind when 'r' then pg_total_relation_size(pg_class.oid) end::float8 as bytes,
        (
          select
            coalesce(
              json_agg(
                json_build_object(
                  'name', attname,
                  'type', format_type(atttypid, atttypmod),
                  'comment', col_description(attrelid, attnum)
                )
                order by attnum
              ),
              '[]'
            )
          from pg_attribute
          where attrelid = pg_class.oid and attnum > 0 and not attisdropped
        ) as columns
      from pg_class
      inner join pg_namespace on pg_namespace.oid = relnamespace
      left join elt.relations on relations.relation = nspname || '.' || relname
      where nspname in ('landing', 'seeds', 'staging', 'marts') and relkind in ('r', 'v')
      order by 1`,
  );
  return {
    database: current?.name ?? "",
    relations: new Map(rows.map((relation) => [relation.name, relation])),
  };
}
