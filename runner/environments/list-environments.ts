import { type Queryable, query, sql } from "../../extract/query.ts";
import { brasilia } from "../brasilia.ts";

/** An environment, as `elt env list` tells of it. */
export type ListedEnvironment = {
  readonly name: string;
  /** The day that it shows the source at; null for now. */
  readonly as_of: string | null;
  /** The database's user who made it, and the machine. */
  readonly by: string;
  /** Brasília wall clock. */
  readonly made: string;
  readonly built: string;
  /** Whole days since its last build. */
  readonly days: number;
  readonly bytes: number;
  /** Seeds, tables and views that stand in it, by published name. */
  readonly models: readonly string[];
};

/** Every environment, the one that was not built for longest first. */
export async function listEnvironments(database: Queryable): Promise<readonly ListedEnvironment[]> {
  return query<ListedEnvironment>(
    database,
    sql`
      select
        name,
        as_of::text as as_of,
        created_by || ' on ' || host as by,
        ${brasilia(sql`created_at`)} as made,
        ${brasilia(sql`built_at`)} as built,
        extract(day from now() - built_at)::int as days,
        (
          select coalesce(sum(pg_total_relation_size(pg_class.oid)), 0)::float8
          from pg_class
          inner join pg_namespace on pg_namespace.oid = relnamespace
          where nspname = any (schemas) and relkind = 'r'
        ) as bytes,
        array(
          select relation
          from elt.environment_relations
          where environment = environments.name
          order by relation
        ) as models
      from elt.environments
      order by built_at, name`,
  );
}
