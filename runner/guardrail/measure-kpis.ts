import { type Queryable, query, type SQLQuery, sql } from "../../extract/query.ts";
import type { ReadGuard } from "./read-guards.ts";
import type { RowVersions } from "./row-versions.ts";

/** A guarded number of one account; numbers are exact, as texts, rounded to the cent at most. */
export type KpiMove = {
  readonly model: string;
  readonly kpi: string;
  readonly conta: string;
  readonly before: string;
  readonly after: string;
  /** After less before, two decimals. */
  readonly delta: string;
  /** Of the value before, one decimal; null where that was zero. */
  readonly percent: string | null;
  /** What it would be with what changed in the source alone. */
  readonly explained: string;
  /** What is left: after less explained. */
  readonly unexplained: string;
  readonly rowsBefore: number;
  /** It moved further than its guard allows, in all or without the source. */
  readonly isBeyond: boolean;
};

type Measured = {
  readonly model: { readonly name: string; readonly relation: string };
  readonly guards: readonly ReadGuard[];
  readonly versions: Pick<RowVersions, "before" | "after">;
  /** Rows with what changed in the source alone; left out, all of it counts as the source's. */
  readonly explained?: SQLQuery;
};

/** To the cent; counts have no decimals. A number over no rows, and one that is null, is zero. */
export function kpiOf({ expression }: ReadGuard): SQLQuery {
  // Looked at when the files were read: one expression without a subquery.
  const value = sql`(${sql.__dangerous__rawValue(expression)})::numeric`;
  return sql`coalesce(round(${value}, least(2, scale(${value}))), 0)`;
}

/** Measures every guard in every account that has rows before or after. */
export async function measureKpis(
  database: Queryable,
  { model, guards, versions, explained }: Measured,
): Promise<readonly KpiMove[]> {
  if (guards.length === 0) return [];
  const kpis = (rows: SQLQuery): SQLQuery => {
    const values = guards.map((guard, i) => sql`${kpiOf(guard)} as ${sql.ident(`kpi${i}`)}`);
    const alias = sql.ident(model.relation);
    return sql`
      select conta, count(*) as rows, ${sql.join(values, ", ")}
      from ${rows} as ${alias}
      group by conta`;
  };
  const limits = guards.map(
    ({ kpi, sharePercent, fromRows }, i) => sql`
      (
        ${i}::integer, ${kpi}::text, ${sharePercent}::numeric, ${fromRows}::integer,
        coalesce(${sql.ident("before", `kpi${i}`)}, 0),
        coalesce(${sql.ident("after", `kpi${i}`)}, 0),
        coalesce(${sql.ident(explained === undefined ? "after" : "explained", `kpi${i}`)}, 0)
      )`,
  );
  const withExplained =
    explained === undefined
      ? sql``
      : sql`left join (${kpis(explained)}) as explained on explained.conta = either.conta`;
  return query<KpiMove>(
    database,
    sql`
      with before as materialized (${kpis(versions.before)}),
      after as materialized (${kpis(versions.after)})
      select
        ${model.name}::text as model,
        kpi,
        either.conta,
        kpi_before::text as before,
        kpi_after::text as after,
        round(${difference("kpi_after", "kpi_before")}, 2)::text as delta,
        round(
          100 * ${difference("kpi_after", "kpi_before")} / nullif(abs(kpi_before), 0), 1
        )::text as percent,
        kpi_explained::text as explained,
        round(${difference("kpi_after", "kpi_explained")}, 2)::text as unexplained,
        coalesce(before.rows, 0)::float8 as "rowsBefore",
        coalesce(before.rows, 0) >= from_rows
          and kpi_before <> 0
          and greatest(
            abs(${difference("kpi_after", "kpi_before")}),
            abs(${difference("kpi_after", "kpi_explained")})
          ) * 100 > share * abs(kpi_before) as "isBeyond"
      from (select conta from before union select conta from after) as either
      left join before on before.conta = either.conta
      left join after on after.conta = either.conta
      ${withExplained}
      cross join lateral (values ${sql.join(limits, ", ")}) as limits (
        place, kpi, share, from_rows, kpi_before, kpi_after, kpi_explained
      )
      order by either.conta, place`,
  );
}

/** Of what is equal it is nought, also where both are NaN or infinite. */
function difference(a: string, b: string): SQLQuery {
  const [left, right] = [sql.ident(a), sql.ident(b)];
  return sql`(case when ${left} = ${right} then 0 else ${left} - ${right} end)`;
}

/** Whether a number is not what it was. */
export function hasMoved({ delta }: Pick<KpiMove, "delta">): boolean {
  return !isZero(delta);
}

/** An exact number as a text is nought. */
export function isZero(number: string): boolean {
  return /^-?0(\.0+)?$/.test(number);
}

/** Per account, how many rows differ in what each guard counts. */
export async function touchedRows(
  database: Queryable,
  guards: readonly ReadGuard[],
  delta: SQLQuery,
): Promise<ReadonlyMap<string, number>> {
  if (guards.length === 0) return new Map();
  const counts = guards.map(
    ({ kpi, columns }) => sql`
      (
        ${kpi}::text,
        delta.elt_action <> 'change' or delta.elt_changed && ${[...columns]}::text[]
      )`,
  );
  const rows = await query<{ conta: string; kpi: string; n: number }>(
    database,
    sql`
      select delta.conta, counted.kpi, count(*)::float8 as n
      from ${delta} as delta
      cross join lateral (values ${sql.join(counts, ", ")}) as counted (kpi, counts)
      where counted.counts
      group by delta.conta, counted.kpi`,
  );
  return new Map(rows.map(({ conta, kpi, n }) => [touchedName(conta, kpi), n]));
}

/** How the rows of an account and a KPI are found in that map. */
export function touchedName(conta: string, kpi: string): string {
  return JSON.stringify([conta, kpi]);
}
