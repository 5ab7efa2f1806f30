import type { CvdwObject } from "./catalogue.ts";
import { type Queryable, query, sql } from "./query.ts";

/**
 * Puts objects in the order in which a run with a limit reads them: unfinished scans first, then
 * those that were never read, then those that were read longest ago. In any other order the same
 * first objects would use up every limit, and the last ones would never be read.
 * @param of backfills and daily extractions each have an order of their own
 */
export async function longestUnreadFirst(
  database: Queryable,
  conta: string,
  objects: readonly CvdwObject[],
  of: "daily" | "backfill",
): Promise<readonly CvdwObject[]> {
  const rows = await query<{ objeto: string }>(
    database,
    sql`
      select wanted.objeto
      from unnest(${objects.map(({ name }) => name)}::text[])
        with ordinality as wanted (objeto, place)
      left join lateral (
        select max(loads.load_id) as load_id
        from elt.loads
        where loads.conta = ${conta} and loads.objeto = wanted.objeto
          and (loads.mode = 'backfill') = ${of === "backfill"}
      ) as last on true
      order by
        exists (
          select
          from elt.scans
          where scans.conta = ${conta} and scans.objeto = wanted.objeto
            and (scans.mode = 'backfill') = ${of === "backfill"}
        ) desc,
        last.load_id nulls first,
        wanted.place`,
  );
  const byName = new Map(objects.map((object) => [object.name, object]));
  return rows.flatMap(({ objeto }) => byName.get(objeto) ?? []);
}
