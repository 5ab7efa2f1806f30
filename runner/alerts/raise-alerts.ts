import type { Pool } from "pg";
import type { RunEvent } from "../events.ts";
import { locked } from "../session.ts";
import type { AlertSettings } from "./alert-settings.ts";
import { type Channel, channelsOf, type Delivery } from "./channels.ts";
import { composeDigest, dueDigest } from "./digest.ts";
import type { Incident } from "./incident.ts";
import { hasNotice, openIncident, recordFindings } from "./incident-record.ts";
import { composeMessage, type MessageContext } from "./message.ts";
import {
  countAttempt,
  MOST_ATTEMPTS,
  type Phase,
  recordOutcome,
  untoldIncidents,
} from "./message-record.ts";
import { type Findings, type RunEnd, troublesOfRun } from "./run-troubles.ts";
import { storedTroubles } from "./stored-troubles.ts";

/** What alerts of an account need. */
export type Alerting = {
  readonly pool: Pool;
  readonly settings: AlertSettings;
  readonly conta: string;
  readonly emit: (event: RunEvent) => void;
  readonly now: () => Date;
};

/** Why it is looked at. */
export type Occasion =
  | { readonly type: "run-ended"; readonly end: RunEnd }
  /** Nothing ran: how old data are is all that can have changed. Nothing is tried again. */
  | { readonly type: "idle" };

/**
 * Looks for what is wrong, remembers it, and tells who is to be told: once when it begins and once
 * when it is over. Never throws: that an alert fails changes nothing of what it is about.
 */
export async function raiseAlerts(alerting: Alerting, occasion: Occasion): Promise<void> {
  try {
    // Two processes that see the same trouble must not both tell it.
    const lock = { name: "alerts", subject: "Sending alerts", onWait: () => undefined };
    await locked(alerting.pool, lock, () => lookAndTell(alerting, occasion));
  } catch (error) {
    const name = error instanceof Error ? error.name : "unknown";
    const message = `Alerts could not be looked after: ${name}${codeOf(error)}. The next run does it.`;
    alerting.emit({ type: "warning", message });
  }
}

async function lookAndTell(alerting: Alerting, occasion: Occasion): Promise<void> {
  const { pool, settings, conta, now } = alerting;
  const ofRun: Findings =
    occasion.type === "run-ended"
      ? troublesOfRun(occasion.end)
      : { found: [], isJudged: () => false };
  const stored = await storedTroubles(pool, { conta, now: now(), staleMs: settings.staleMs });
  const findings: Findings = {
    found: [...ofRun.found, ...stored.found],
    isJudged: (trouble) => ofRun.isJudged(trouble) || stored.isJudged(trouble),
  };
  await recordFindings(pool, conta, findings, now());
  await planDigest(alerting);
  for (const channel of channelsOf(settings)) {
    for (const phase of ["opened", "closed"] as const) {
      await tell(alerting, channel, phase, occasion.type === "run-ended");
    }
  }
}

/** The summary of a day is an incident of its own: told once on every channel. */
async function planDigest({ pool, settings, conta, now }: Alerting): Promise<void> {
  const day = dueDigest(now(), settings.digestAt);
  if (day === undefined) return;
  const digest = { kind: "digest", conta, subject: day, details: {} } as const;
  if (!(await hasNotice(pool, digest))) await openIncident(pool, digest, now());
}

async function tell(
  alerting: Alerting,
  channel: Channel,
  phase: Phase,
  retry: boolean,
): Promise<void> {
  const { pool, settings, conta, now } = alerting;
  const wanted = { conta, channel: channel.id, phase, now: now(), retry };
  const untold = await untoldIncidents(pool, wanted);
  const context = { conta, now: now(), dashboardUrl: settings.dashboardUrl };
  const incidents = untold.filter(({ kind }) => kind !== "digest");
  if (incidents.length > 0) {
    const message = composeMessage(phase, incidents, context);
    await send(alerting, { channel, phase, incidents }, () => channel.send(message));
  }
  for (const digest of untold.filter(({ kind }) => kind === "digest")) {
    await sendDigest(alerting, channel, digest, context);
  }
}

/**
 * Only the newest counts: yesterday's would come with the numbers of today. One that cannot be made,
 * since somebody changed the views it reads, keeps no other message back.
 */
async function sendDigest(
  alerting: Alerting,
  channel: Channel,
  digest: Incident,
  context: MessageContext,
): Promise<void> {
  if (digest.subject !== dueDigest(context.now, alerting.settings.digestAt)) return;
  const told = { channel, phase: "opened", incidents: [digest] } as const;
  try {
    const message = await composeDigest(alerting.pool, digest.subject, context);
    if (message !== undefined) await send(alerting, told, () => channel.send(message));
  } catch (error) {
    const because = `the summary could not be made${codeOf(error)}`;
    await send(alerting, told, async () => ({ status: "failed", because }));
  }
}

/** Only the code of an error: its text may repeat a value. */
function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
}

/** Of what somebody is told, and how. */
type Told = {
  readonly channel: Channel;
  readonly phase: Phase;
  readonly incidents: readonly Incident[];
};

async function send(
  { pool, emit, now }: Alerting,
  { channel, phase, incidents }: Told,
  deliver: () => Promise<Delivery>,
): Promise<void> {
  const sent = { incidents, phase, channel: channel.id, now: now() };
  const attempts = await countAttempt(pool, sent);
  const delivery = await deliver();
  if (delivery.status === "failed") {
    await recordOutcome(pool, sent, delivery.because);
    const then =
      attempts >= MOST_ATTEMPTS
        ? `It was the last of ${MOST_ATTEMPTS} attempts.`
        : "The next run tries again.";
    const text = `An alert by ${channel.name} was not delivered: ${delivery.because}. ${then}`;
    emit({ type: "warning", message: text });
    return;
  }
  await recordOutcome(pool, sent, null);
  const { note } = delivery;
  const kinds = [...new Set(incidents.map(({ kind }) => kind))];
  emit({ type: "alert-sent", channel: channel.name, phase, kinds, incidents: incidents.length });
  if (note !== undefined) {
    emit({ type: "warning", message: `An alert by ${channel.name} was sent, but ${note}.` });
  }
}
