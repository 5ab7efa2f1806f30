import { type SQLQuery, sql } from "../../extract/query.ts";
import type { Snapshot } from "../read-published.ts";
import type { Filters } from "./filters.ts";
import { selectRecords } from "./records.ts";

/** Both ends belong to it, YYYY-MM-DD. */
export type Stretch = { readonly de: string; readonly ate: string };

/**
 * The days that each part of the page counts. Without a period they are those of the views: the
 * year so far, calendar years, 12 and 24 months. With one, all of them are the period, the months
 * its last twelve.
 */
export type Stretches = {
  readonly hasPeriod: boolean;
  readonly compared: Stretch;
  /** The same days a year earlier. */
  readonly comparedBefore: Stretch;
  /** Sales by month, and those of the year before. */
  readonly monthly: Stretch;
  readonly monthlyBefore: Stretch;
  /** First days of the months shown, oldest first; at most twelve. */
  readonly months: readonly string[];
  /** VSO and pró-soluto. */
  readonly vso: Stretch;
  readonly vsoMonths: readonly string[];
  readonly ranked: Stretch;
  readonly listed: Stretch;
};

/** Whether the chosen period is longer than what is shown by months. */
export function isCutToTwelveMonths({ hasPeriod, vso, ranked }: Stretches): boolean {
  return hasPeriod && vso.de > ranked.de;
}

/**
 * Asks the database, whose intervals the views use too: a year before 29 February is 28 February,
 * twelve months before 31 August is 31 August.
 */
export async function readStretches(
  snapshot: Snapshot,
  { de, ate }: Pick<Filters, "de" | "ate">,
): Promise<Stretches> {
  const hasPeriod = de !== undefined || ate !== undefined;
  const until = ate === undefined || ate > snapshot.hoje ? snapshot.hoje : ate;
  const [row] = await selectRecords(
    snapshot,
    hasPeriod ? periodStretches(de, until) : defaultStretches(snapshot.hoje),
  );
  if (row === undefined) throw new Error("a select without from gives one row");
  const stretch = (name: string): Stretch => ({
    de: row.text(`${name}_de`),
    ate: row.text(`${name}_ate`),
  });
  return {
    hasPeriod,
    compared: stretch("compared"),
    comparedBefore: stretch("compared_before"),
    monthly: stretch("monthly"),
    monthlyBefore: stretch("monthly_before"),
    months: monthsBetween(row.text("months_de"), row.text("months_ate")),
    vso: stretch("vso"),
    vsoMonths: monthsBetween(row.text("vso_de"), row.text("vso_months_ate")),
    ranked: stretch("ranked"),
    listed: stretch("listed"),
  };
}

function defaultStretches(hoje: string): SQLQuery {
  return sql`
    select
        ano::text as compared_de,
        hoje::text as compared_ate,
        (ano - interval '1 year')::date::text as compared_before_de,
        (hoje - interval '1 year')::date::text as compared_before_ate,
        ano::text as monthly_de,
        hoje::text as monthly_ate,
        (ano - interval '1 year')::date::text as monthly_before_de,
        (ano - 1)::text as monthly_before_ate,
        ano::text as months_de,
        (ano + interval '11 months')::date::text as months_ate,
        (mes - interval '11 months')::date::text as vso_de,
        hoje::text as vso_ate,
        mes::text as vso_months_ate,
        (hoje - interval '12 months')::date::text as ranked_de,
        hoje::text as ranked_ate,
        (hoje - interval '24 months')::date::text as listed_de,
        hoje::text as listed_ate
    from (
        select
            hoje,
            date_trunc('year', hoje::timestamp)::date as ano,
            date_trunc('month', hoje::timestamp)::date as mes
        from (select ${hoje}::date as hoje) as dia
    ) as dias`;
}

function periodStretches(de: string | undefined, ate: string): SQLQuery {
  // One end alone means a year.
  const first =
    de === undefined ? sql`(${ate}::date - interval '1 year' + interval '1 day')` : sql`${de}`;
  return sql`
    select
        de::text as compared_de,
        ate::text as compared_ate,
        (de - interval '1 year')::date::text as compared_before_de,
        (ate - interval '1 year')::date::text as compared_before_ate,
        greatest(de, meses_de)::text as monthly_de,
        ate::text as monthly_ate,
        (greatest(de, meses_de) - interval '1 year')::date::text as monthly_before_de,
        (ate - interval '1 year')::date::text as monthly_before_ate,
        meses_de::text as months_de,
        ate::text as months_ate,
        greatest(de, meses_de)::text as vso_de,
        ate::text as vso_ate,
        ate::text as vso_months_ate,
        de::text as ranked_de,
        ate::text as ranked_ate,
        de::text as listed_de,
        ate::text as listed_ate
    from (
        select
            de,
            ate,
            greatest(
                date_trunc('month', de::timestamp)::date,
                (date_trunc('month', ate::timestamp) - interval '11 months')::date
            ) as meses_de
        from (select ${first}::date as de, ${ate}::date as ate) as periodo
    ) as dias`;
}

/** First days of the months from one day to another; none when the second comes first. */
function monthsBetween(de: string, ate: string): readonly string[] {
  const months: string[] = [];
  let [year = 0, month = 1] = de.split("-").map(Number);
  for (;;) {
    const first = `${year}-${String(month).padStart(2, "0")}-01`;
    if (first > ate) return months;
    months.push(first);
    month += 1;
    if (month > 12) {
      month = 1;
      year += 1;
    }
  }
}
