import type { Pool } from "pg";
import { query, sql } from "../../extract/query.ts";

/** What the values of a field look like in a sample of landing; counts only, never a value. */
export type FieldShape = {
  readonly field: string;
  /** Different values that are neither null, nor blank, nor a zero date. The others count of these. */
  readonly valued: number;
  readonly notWhole: number;
  readonly notDecimal: number;
  /** Decimals with more than two places. */
  readonly finer: number;
  /** Digits that a number would lose: `007`. */
  readonly leadingZero: number;
  /** Digits before the decimal point, at most. */
  readonly digits: number;
  readonly notInstant: number;
  readonly withTime: number;
  readonly notFlag: number;
};

/** Casts cost microseconds, and an object may have a hundred fields. */
const SAMPLE_ROWS = 500;
/** Pages of 8 KB to pick rows from: whole pages are read, and a record may fill one. */
const SAMPLE_PAGES = 1_500;

/**
 * Samples the records of an object, over the whole table: its oldest pages look different from its
 * newest.
 */
export async function sampleShapes(
  pool: Pool,
  object: string,
  fields: readonly string[],
): Promise<ReadonlyMap<string, FieldShape>> {
  const table = sql.ident(object);
  const [size] = await query<{ pages: number }>(
    pool,
    sql`
      select (pg_relation_size(to_regclass(format('landing.%I', ${object}::text))) / 8192)::float8
        as pages`,
  );
  const percent = Math.min(100, (100 * SAMPLE_PAGES) / Math.max(1, size?.pages ?? 0));
  const shapes = await query<FieldShape>(
    pool,
    sql`
      with sample as (
        select payload
        from landing.${table} tablesample system (${percent}::real) repeatable (1)
        order by hash
        limit ${SAMPLE_ROWS}
      ),
      different as (
        select distinct wanted.campo, sample.payload ->> wanted.campo as text
        from sample
        cross join unnest(${fields}::text[]) as wanted (campo)
      ),
      value as materialized (
        select
          campo,
          text,
          elt.read_decimal(text) as number,
          elt.as_timestamp(text) at time zone 'America/Sao_Paulo' as instant
        from different
        where elt.has_value(text)
      )
      select
        campo as field,
        count(*)::integer as valued,
        count(*) filter (where elt.fit_bigint(number) is null)::integer as "notWhole",
        count(*) filter (where number is null)::integer as "notDecimal",
        count(*) filter (where number <> round(number, 2))::integer as finer,
        count(*) filter (where text ~ '^\\s*0[0-9]')::integer as "leadingZero",
        coalesce(max(length(abs(trunc(number))::text)), 0)::integer as digits,
        count(*) filter (where instant is null)::integer as "notInstant",
        count(*) filter (where instant <> date_trunc('day', instant))::integer as "withTime",
        count(*) filter (where elt.as_flag(text) is null)::integer as "notFlag"
      from value
      group by campo`,
  );
  return new Map(shapes.map((shape) => [shape.field, shape]));
}
