import { type Queryable, query, sql } from "../../extract/query.ts";
import { readSourceAges } from "../freshness/source-ages.ts";
import type { IncidentDetails, Trouble } from "./incident.ts";
import type { Findings } from "./run-troubles.ts";

/** What to look for in the database. */
export type StoredQuestion = {
  readonly conta: string;
  readonly now: Date;
  /** Data that is older is stale. */
  readonly staleMs: number;
};

/** What the database tells of an account: how old its data are, what is in quarantine, what drifted. */
export async function storedTroubles(
  database: Queryable,
  question: StoredQuestion,
): Promise<Findings> {
  const { conta } = question;
  const stale = await staleData(database, question);
  // When nothing arrives at all, no object needs to be named.
  const staleObjects = stale.length > 0 ? [] : await staleSources(database, question);
  const found = [
    ...stale,
    ...staleObjects,
    ...(await quarantined(database, question)),
    ...(await untoldDrift(database, question)),
  ];
  return {
    found,
    isJudged: (trouble) =>
      trouble.conta === conta &&
      (trouble.kind === "quarantine" ||
        (trouble.kind === "stale-data" && (trouble.subject === "" || stale.length === 0))),
  };
}

/** The age of the older of two: the publication, and the newest reading to an object's end. */
async function staleData(
  database: Queryable,
  { conta, now, staleMs }: StoredQuestion,
): Promise<readonly Trouble[]> {
  const [row] = await query<{ published: Date | null; proven: Date | null; began: Date | null }>(
    database,
    sql`
      select
        (select max(published_at) from elt.publications) as published,
        (
          select max(finished_at) from elt.loads
          where conta = ${conta} and verdict = 'proven' and mode in ('full', 'incremental')
        ) as proven,
        (select min(started_at) from elt.runs where conta = ${conta}) as began`,
  );
  // Before the first run there is nothing that could be old.
  if (row === undefined || row.began === null) return [];
  const published = row.published ?? row.began;
  const proven = row.proven ?? row.began;
  const since = published < proven ? published : proven;
  if (now.getTime() - since.getTime() <= staleMs) return [];
  const lacks = published < proven ? "publication" : "extraction";
  return [
    { kind: "stale-data", conta, subject: "", details: { since: since.toISOString(), lacks } },
  ];
}

/** Objects that were read longer ago than a model declares. */
async function staleSources(
  database: Queryable,
  { conta, now }: StoredQuestion,
): Promise<readonly Trouble[]> {
  const ages = await readSourceAges(database, now);
  return ages
    .filter((age) => age.conta === conta && age.level === "error")
    .map(({ object, ageSeconds }) => {
      const since = new Date(now.getTime() - ageSeconds * 1000).toISOString();
      return {
        kind: "stale-data",
        conta,
        subject: object,
        details: { since, lacks: "extraction" },
      };
    });
}

/** Records of which nothing landed: those that were repaired are there. */
async function quarantined(
  database: Queryable,
  { conta }: StoredQuestion,
): Promise<readonly Trouble[]> {
  const rows = await query<{ object: string; records: number }>(
    database,
    sql`
      select objeto as object, count(*)::integer as records
      from elt.open_quarantine
      where conta = ${conta} and not repaired
      group by objeto
      order by objeto`,
  );
  return rows.map(({ object, records }) => ({
    kind: "quarantine",
    conta,
    subject: object,
    details: { records },
  }));
}

const DRIFT_DAYS = 7;

/** By object, what drifted since it was last told; a run that was killed told nothing. */
async function untoldDrift(
  database: Queryable,
  { conta, now }: StoredQuestion,
): Promise<readonly Trouble[]> {
  const rows = await query<{ object: string; details: IncidentDetails["drift"] }>(
    database,
    sql`
      select
        objeto as object,
        jsonb_build_object(
          'lastDriftId', max(drift_id)::text,
          'fields', jsonb_agg(jsonb_build_object('field', campo, 'change', change) order by drift_id)
        ) as details
      from elt.drift
      where conta = ${conta}
        and seen_at > ${now}::timestamptz - make_interval(days => ${DRIFT_DAYS}::integer)
        and drift_id > coalesce((
          select max((details ->> 'lastDriftId')::bigint)
          from elt.incidents
          where kind = 'drift' and conta = ${conta} and subject = drift.objeto
        ), 0)
      group by objeto
      order by objeto`,
  );
  return rows.map(({ object, details }) => ({ kind: "drift", conta, subject: object, details }));
}
