import type { CvdwObject } from "../../extract/catalogue.ts";
import { CvdwError } from "../../extract/errors.ts";
import { type Queryable, query, sql } from "../../extract/query.ts";
import { type PageReader, readPage } from "../../extract/read-page.ts";
import { toLandingRecords } from "../../extract/record.ts";
import { type Landed, readLanded } from "./read-landed.ts";

/** One object: what the source counts, and what landing has of it. */
export type SourceComparison = {
  readonly object: string;
  /**
   * `behind`: what the source has more is new since it was read last; `deleted`: what it has less, the
   * last full reading missed already; `unread`: never read whole.
   */
  readonly status: "equal" | "behind" | "deleted" | "differs" | "unread" | "not asked";
  readonly source: number | null;
  /** Live records, and those that stand in quarantine without having landed. */
  readonly landing: number;
  readonly because: string | null;
};

/**
 * Asks the source how many records each landed object has: one request an object, a second one where
 * the numbers differ. What the source refuses is told, and the others are asked.
 */
export async function compareSource(
  reader: PageReader,
  database: Queryable,
  conta: string,
  objects: readonly CvdwObject[],
): Promise<readonly SourceComparison[]> {
  const comparisons: SourceComparison[] = [];
  for (const object of objects) {
    const landed = await readLanded(database, conta, object);
    const landing = landed.live + landed.held;
    try {
      const source = await totalOf(reader, object);
      comparisons.push({
        object: object.name,
        source,
        landing,
        ...(await judge(reader, database, { conta, object, landed }, source - landing)),
      });
    } catch (error) {
      if (!(error instanceof CvdwError)) throw error;
      const because = error.message;
      comparisons.push({
        object: object.name,
        status: "not asked",
        source: null,
        landing,
        because,
      });
    }
  }
  return comparisons;
}

/** Where the numbers differ, the records created or altered since tell whether they should. */
async function judge(
  reader: PageReader,
  database: Queryable,
  { conta, object, landed }: { conta: string; object: CvdwObject; landed: Landed },
  more: number,
): Promise<Pick<SourceComparison, "status" | "because">> {
  if (!landed.proven) return { status: "unread", because: "it was never read whole" };
  if (more === 0) return { status: "equal", because: null };
  const { since, watched, held } = landed;
  const fresh = since === null ? 0 : await newSince(reader, database, conta, object, since);
  if (fresh === "too many") {
    const because = `more than ${MOST_PAGES * PAGE_SIZE} records changed since ${since}, so nothing can be told: elt extract ${object.name}, then verify again`;
    return { status: "unread", because };
  }
  const gone = fresh - more;
  const again = `read it whole: elt extract ${object.name} --full`;
  if (gone < 0) {
    const lacks = `the source has ${-gone === 1 ? "1 record" : `${-gone} records`} that landing lacks and that are not new`;
    const alike = `records without a key count once where they are alike (elt quarantine); one by one: elt verify --keys ${object.name}`;
    return { status: "differs", because: `${lacks}; ${held > 0 ? alike : again}` };
  }
  if (gone > watched) {
    return {
      status: "differs",
      because: `landing has ${gone} records that the source lacks; ${again} (twice, if they were deleted)`,
    };
  }
  const because = [
    ...(fresh > 0 ? [`${fresh} are new since ${since}`] : []),
    ...(gone > 0 ? [`${gone} were missing in the last full reading, too`] : []),
  ].join("; ");
  return { status: gone > 0 ? "deleted" : "behind", because };
}

/** As many as the source gives at once. */
const PAGE_SIZE = 500;
/** A minute's budget: an object that changed more is read first, and verified then. */
const MOST_PAGES = 20;

/**
 * Records that the source created or altered since, and that landing does not have. All of them are
 * looked at: what is only counted could hide as many that were lost.
 */
async function newSince(
  reader: PageReader,
  database: Queryable,
  conta: string,
  object: CvdwObject,
  since: string,
): Promise<number | "too many"> {
  const chaves = new Set<string>();
  for (let at = 1, pages = 1; at <= pages; at++) {
    const page = await readPage(reader, {
      ...{ object, page: at, pageSize: PAGE_SIZE, since, rowsExpected: false },
      mayWait: () => true,
    });
    pages = Math.ceil(page.totalRecords / PAGE_SIZE);
    if (pages > MOST_PAGES) return "too many";
    for (const { chave } of toLandingRecords(object, page).records) chaves.add(chave);
  }
  return countUnlanded(database, conta, object, [...chaves]);
}

async function countUnlanded(
  database: Queryable,
  conta: string,
  { name }: CvdwObject,
  chaves: readonly string[],
): Promise<number> {
  const [row] = await query<{ n: number }>(
    database,
    sql`
      select count(*)::int as n
      from unnest(${chaves}::text[]) as wanted (chave)
      where not exists (
        select
        from landing.${sql.ident(`${name}_atual`)} as landed
        where landed.conta = ${conta} and landed.chave = wanted.chave
      )`,
  );
  return row?.n ?? 0;
}

async function totalOf(reader: PageReader, object: CvdwObject): Promise<number> {
  const page = await readPage(reader, {
    ...{ object, page: 1, pageSize: 1, rowsExpected: false },
    mayWait: () => true,
  });
  return page.totalRecords;
}
