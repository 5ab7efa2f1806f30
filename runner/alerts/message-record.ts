import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import type { Incident } from "./incident.ts";
import { incidentColumns } from "./incident-record.ts";

/** Of which end of an incident a message tells. */
export type Phase = "opened" | "closed";

/** How often a message is tried to be delivered at most. */
export const MOST_ATTEMPTS = 5;

/** How long a notice is news, by its kind. */
const NOTICE_HOURS = { digest: 12, other: 7 * 24 } as const;

type Wanted = {
  readonly conta: string;
  readonly channel: string;
  readonly phase: Phase;
  readonly now: Date;
  /** Whether to try again what could not be delivered before. */
  readonly retry: boolean;
};

/**
 * Incidents of a conta, and of the whole database, whose beginning or end this channel has not been
 * told. An incident that ended before it could be told is told once, with its end.
 */
export async function untoldIncidents(
  database: Queryable,
  { conta, channel, phase, now, retry }: Wanted,
): Promise<readonly Incident[]> {
  const due =
    phase === "opened"
      ? sql`
          incidents.closed_at is null
          or (
            incidents.notice
            and incidents.opened_at > ${now}::timestamptz - make_interval(
              hours => case incidents.kind
                when 'digest' then ${NOTICE_HOURS.digest}::integer
                else ${NOTICE_HOURS.other}::integer
              end
            )
          )`
      : sql`
          incidents.closed_at is not null and not incidents.notice and not incidents.replaced
          and exists (
            select from elt.incident_messages as beginning
            where beginning.incident_id = incidents.incident_id
              and beginning.phase = 'opened' and beginning.channel = ${channel}
          )`;
  return query<Incident>(
    database,
    sql`
      select ${incidentColumns}
      from elt.incidents
      where (conta is null or conta = ${conta})
        and (${due})
        and not exists (
          select from elt.incident_messages as message
          where message.incident_id = incidents.incident_id
            and message.phase = ${phase} and message.channel = ${channel}
            and (
              message.sent_at is not null
              or message.attempts >= ${MOST_ATTEMPTS}::integer
              or not ${retry}::boolean
            )
        )
      order by incident_id`,
  );
}

/** A message that is sent now, of all these incidents. */
export type SentMessage = {
  readonly incidents: readonly Incident[];
  readonly phase: Phase;
  readonly channel: string;
  readonly now: Date;
};

/**
 * Counts an attempt before it is made, so that a message whose sending kills the process is not
 * tried for ever.
 * @returns how many attempts the most tried of the incidents has had
 */
export async function countAttempt(
  database: Queryable,
  { incidents, phase, channel, now }: SentMessage,
): Promise<number> {
  const rows = await query<{ attempts: number }>(
    database,
    sql`
      insert into elt.incident_messages as known (
        incident_id, phase, channel, attempts, attempted_at
      )
      select incident_id, ${phase}, ${channel}, 1, ${now}::timestamptz
      from unnest(${incidents.map(({ id }) => id)}::bigint[]) as incident_id
      on conflict (incident_id, phase, channel) do update
      set attempts = known.attempts + 1, attempted_at = excluded.attempted_at
      returning attempts`,
  );
  return Math.max(0, ...rows.map(({ attempts }) => attempts));
}

/** Writes down that a message arrived, or why it did not. */
export async function recordOutcome(
  database: Queryable,
  { incidents, phase, channel, now }: SentMessage,
  error: string | null,
): Promise<void> {
  const ids = incidents.map(({ id }) => id);
  await execute(
    database,
    sql`
      update elt.incident_messages
      set sent_at = ${error === null ? now : null}, error = ${error}
      where incident_id = any (${ids}::bigint[])
        and phase = ${phase} and channel = ${channel}`,
  );
  if (error !== null) return;
  await execute(
    database,
    sql`
      update elt.incidents
      set notified_at = ${now}
      where incident_id = any (${ids}::bigint[]) and notified_at is null`,
  );
}

/** A way on which messages of the last days did not arrive. */
export type Undelivered = {
  readonly channel: string;
  readonly attempts: number;
  readonly error: string;
};

const SHOWN_DAYS = 7;

/** The newest failure of each way that has messages left to deliver, of the last seven days. */
export async function undelivered(database: Queryable): Promise<readonly Undelivered[]> {
  return query<Undelivered>(
    database,
    sql`
      select distinct on (split_part(channel, ':', 1))
        split_part(channel, ':', 1) as channel,
        attempts,
        coalesce(error, 'the process ended while it was sent') as error
      from elt.incident_messages
      where sent_at is null
        and attempted_at > now() - make_interval(days => ${SHOWN_DAYS}::integer)
      order by split_part(channel, ':', 1), attempted_at desc`,
  );
}
