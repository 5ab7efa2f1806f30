import { execute, type Queryable, query, type SQLQuery, sql } from "../../extract/query.ts";
import {
  type Incident,
  type IncidentKind,
  isNotice,
  isToldAgain,
  type Trouble,
} from "./incident.ts";
import type { Findings } from "./run-troubles.ts";

/** Which incident: of this conta (null: of the whole database), kind and subject. */
export type IncidentName = Pick<Trouble, "kind" | "conta" | "subject">;

/** Columns of `elt.incidents` as an Incident. */
export const incidentColumns: SQLQuery = sql`
  incident_id::text as id, conta, kind, subject, details,
  opened_at as "openedAt", closed_at as "closedAt"`;

/**
 * Opens an incident, or notes that it goes on: whoever finds it open tells nobody. It keeps the
 * details that it was opened with. It is told by the next run, or by a worker that waits.
 */
export async function openIncident(
  database: Queryable,
  trouble: Trouble,
  now: Date,
): Promise<void> {
  const { conta, kind, subject } = trouble;
  const notice = isNotice(kind);
  await execute(
    database,
    sql`
      insert into elt.incidents (
        conta, kind, subject, details, notice, opened_at, last_seen_at, closed_at
      )
      values (
        ${conta}, ${kind}, ${subject}, ${JSON.stringify(trouble.details)}::jsonb, ${notice},
        ${now}, ${now}, ${notice ? now : null}
      )
      on conflict (coalesce(conta, ''), kind, subject) where closed_at is null
      do update set last_seen_at = excluded.last_seen_at`,
  );
}

/** Ends an incident, so that its end is told; one that is not open stays as it is. */
export async function closeIncident(
  database: Queryable,
  { conta, kind, subject }: IncidentName,
  now: Date,
): Promise<void> {
  await execute(
    database,
    sql`
      update elt.incidents
      set closed_at = ${now}
      where closed_at is null and kind = ${kind} and subject = ${subject}
        and conta is not distinct from ${conta}`,
  );
}

/** Incidents that last, the oldest first; those of a conta with those of the whole database. */
export async function openIncidents(
  database: Queryable,
  conta?: string,
): Promise<readonly Incident[]> {
  return query<Incident>(
    database,
    sql`
      select ${incidentColumns}
      from elt.incidents
      where closed_at is null
        and (${conta === undefined} or conta is null or conta = ${conta ?? ""})
      order by incident_id`,
  );
}

/** Brings the incidents of a conta up to date: opens what is new, ends what is found no longer. */
export async function recordFindings(
  database: Queryable,
  conta: string,
  findings: Findings,
  now: Date,
): Promise<void> {
  const known = await openIncidents(database, conta);
  const same = (a: IncidentName, b: IncidentName): boolean =>
    a.kind === b.kind && a.subject === b.subject && a.conta === b.conta;
  for (const trouble of findings.found) {
    const before = known.find((incident) => same(incident, trouble));
    if (before !== undefined && isToldAgain(trouble, before)) await replace(database, before, now);
    await openIncident(database, trouble, now);
  }
  for (const incident of known) {
    const goesOn = findings.found.some((trouble) => same(trouble, incident));
    if (!goesOn && findings.isJudged(incident)) await closeIncident(database, incident, now);
  }
}

async function replace(database: Queryable, { id }: Incident, now: Date): Promise<void> {
  await execute(
    database,
    sql`
      update elt.incidents
      set closed_at = ${now}, replaced = true
      where incident_id = ${id}`,
  );
}

/** Whether a notice was made already, e.g. the summary of a day. */
export async function hasNotice(
  database: Queryable,
  { conta, kind, subject }: { conta: string; kind: IncidentKind; subject: string },
): Promise<boolean> {
  const rows = await query(
    database,
    sql`
      select from elt.incidents
      where notice and conta = ${conta} and kind = ${kind} and subject = ${subject}`,
  );
  return rows.length > 0;
}
