import type { Pool } from "pg";

/** Tables in which the program writes down that it ran, which readers of the marts never see. */
const diaries = ["runs", "test_results", "environments", "environment_relations"];

/**
 * Everything that stands in a database outside the environments named, as texts that can be
 * compared: definitions and rights of relations, policies, and a hash of every table's rows.
 */
export async function databasePrint(
  pool: Pool,
  ...environments: readonly string[]
): Promise<Readonly<Record<string, string>>> {
  const { rows: relations } = await pool.query<{ name: string; kind: string; form: string }>(
    `select
      format('%I.%I', nspname, relname) as name,
      relkind as kind,
      concat_ws(
        ' | ',
        relacl::text,
        case when relkind = 'v' then pg_get_viewdef(pg_class.oid) end,
        (
          select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum)
          from pg_attribute
          where attrelid = pg_class.oid and attnum > 0 and not attisdropped
        ),
        (select string_agg(polname, ', ') from pg_policy where polrelid = pg_class.oid),
        (
          select string_agg(description, ', ' order by objsubid)
          from pg_description
          where objoid = pg_class.oid and classoid = 'pg_class'::regclass
        )
      ) as form
    from pg_class
    inner join pg_namespace on pg_namespace.oid = relnamespace
    where relkind in ('r', 'v', 'm')
      and nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
      and not nspname ~ '^pg_temp'
      and not (nspname = 'elt' and relname = any ($1::text[]))
      and not nspname ~ ('^(' || array_to_string($2::text[], '|') || ')_')
    order by 1`,
    [diaries, environments.length === 0 ? ["no_environment"] : environments],
  );
  const print: Record<string, string> = {};
  for (const { name, kind, form } of relations) {
    const { rows } = await pool.query<{ hash: string }>(
      kind === "v"
        ? "select '' as hash"
        : `select count(*) || ' ' || coalesce(md5(string_agg(one::text, '' order by one::text)), '') as hash
           from ${name} as one`,
    );
    print[name] = `${form} | ${rows[0]?.hash ?? ""}`;
  }
  return print;
}
