import { execute, type Queryable, query, type SQLQuery, sql } from "../../extract/query.ts";
import type { ObjectFreshness } from "./project-freshness.ts";

/** How long ago an object of an account was read to its proven end, against what is declared. */
export type SourceAge = {
  readonly conta: string;
  readonly object: string;
  /** End of the last proven reading, ISO 8601; null when there was none. */
  readonly readAt: string | null;
  /** Since then; since the account's first reading, when the object was never read to its end. */
  readonly ageSeconds: number;
  readonly level: "fresh" | "warn" | "error";
  /** The age that was passed; null while fresh. */
  readonly limitSeconds: number | null;
  readonly warnSeconds: number | null;
  readonly errorSeconds: number | null;
  /** At the error age what it feeds stays as it was published. */
  readonly blocks: boolean;
  /** The models that its rows flow into. */
  readonly feeds: readonly string[];
};

/** Keeps what a project declares, for those that do not read its files. */
export async function storeFreshness(
  database: Queryable,
  declared: readonly ObjectFreshness[],
): Promise<void> {
  await execute(
    database,
    sql`
      with declared as (${rowsOf(declared)}),
      gone as (
        delete from elt.freshness
        where objeto not in (select objeto from declared)
      )

      insert into elt.freshness as kept (
        objeto, models, warn_seconds, error_seconds, blocks, feeds
      )
      select objeto, models, warn_seconds, error_seconds, blocks, feeds
      from declared
      on conflict (objeto) do update
      set
        models = excluded.models,
        warn_seconds = excluded.warn_seconds,
        error_seconds = excluded.error_seconds,
        blocks = excluded.blocks,
        feeds = excluded.feeds
      where (kept.*) is distinct from (excluded.*)`,
  );
}

function rowsOf(declared: readonly ObjectFreshness[]): SQLQuery {
  return sql`
    select
      object as objeto,
      models,
      "warnSeconds" as warn_seconds,
      "errorSeconds" as error_seconds,
      blocks,
      feeds
    from jsonb_to_recordset(${JSON.stringify(declared)}::jsonb) as declared (
      object text, models text[], "warnSeconds" bigint, "errorSeconds" bigint, blocks boolean,
      feeds text[]
    )`;
}

/**
 * The age of every object with declared ages, for every account that was ever extracted and is not
 * retired: none before the first extraction. Backfills read a part of the past and count for nothing here.
 * @param declared default: what the last build kept
 */
export async function readSourceAges(
  database: Queryable,
  now: Date,
  declared?: readonly ObjectFreshness[],
): Promise<readonly SourceAge[]> {
  const rules = declared === undefined ? undefined : rowsOf(declared);
  return query<SourceAge>(
    database,
    sql`
      with ages as (${sourceAges(now, rules)})

      select
        conta,
        object,
        to_char(read_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "readAt",
        age_seconds::float8 as "ageSeconds",
        level,
        case level when 'error' then error_seconds when 'warn' then warn_seconds end::float8
          as "limitSeconds",
        warn_seconds::float8 as "warnSeconds",
        error_seconds::float8 as "errorSeconds",
        blocks,
        feeds
      from ages
      order by conta, object`,
  );
}

/** SQL for one row per account and object with declared ages: conta, object, read_at, level, … */
export function sourceAges(
  now: Date,
  rules: SQLQuery = sql`select * from elt.freshness`,
): SQLQuery {
  return sql`
    select
      measured.*,
      case
        when age_seconds >= error_seconds then 'error'
        when age_seconds >= warn_seconds then 'warn'
        else 'fresh'
      end as level
    from (
      select
        accounts.conta,
        freshness.objeto as object,
        proven.read_at,
        freshness.warn_seconds,
        freshness.error_seconds,
        freshness.blocks,
        freshness.feeds,
        greatest(
          0,
          floor(
            extract(epoch from ${now}::timestamptz - coalesce(proven.read_at, accounts.since))
          )
        ) as age_seconds
      from (${rules}) as freshness
      cross join (
        select conta, min(started_at) as since
        from elt.loads
        where mode in ('full', 'incremental')
          and conta not in (select conta from elt.accounts where retired_at is not null)
        group by conta
      ) as accounts
      left join lateral (
        select max(loads.finished_at) as read_at
        from elt.loads
        where loads.conta = accounts.conta and loads.objeto = freshness.objeto
          and loads.verdict = 'proven' and loads.mode in ('full', 'incremental')
      ) as proven on true
    ) as measured`;
}
