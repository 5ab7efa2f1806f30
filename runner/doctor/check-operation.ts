import type { Pool } from "pg";
import { query, sql } from "../../extract/query.ts";
import { brasiliaWallClock, formatWallClock } from "../../extract/wall-clock.ts";
import { channelsOf } from "../alerts/channels.ts";
import { openIncidents } from "../alerts/incident-record.ts";
import { undelivered } from "../alerts/message-record.ts";
import {
  type Environment,
  isLoopback,
  readAlertConfig,
  readScheduleConfig,
  readServerConfig,
} from "../config.ts";
import { collectProblems } from "../errors.ts";
import { ageText } from "../freshness/age-text.ts";
import { type Finding, fail, ok, skip, warn } from "./finding.ts";

/** Turns of the schedule that may pass before somebody should look. */
const TURNS = 2;

/**
 * Looks whether runs happen, publish, and whether anybody is told when they do not.
 * @param conta whose: where another account is run, this one may be forgotten; undefined: any
 */
export async function checkRuns(
  pool: Pool,
  env: Environment,
  conta: string | undefined,
  now: Date,
): Promise<readonly Finding[]> {
  const [publication] = await query<{ at: Date }>(
    pool,
    sql`select max(published_at) as at from elt.publications having count(*) > 0`,
  );
  const isOwn = conta === undefined ? sql`true` : sql`conta = ${conta}`;
  const [extraction] = await query<{ at: Date | null }>(
    pool,
    sql`
      select max(started_at) as at
      from elt.runs
      where command in ('run', 'extract') and ${isOwn}`,
  );
  const [run] = await query<{ exit_code: number | null; error: string | null }>(
    pool,
    sql`
      select exit_code, split_part(error, E'\n', 1) as error
      from elt.runs
      where command in ('run', 'build', 'extract', 'retry') and (conta is null or ${isOwn})
      order by run_id desc
      limit 1`,
  );
  const findings = [
    checkPublication(env, publication?.at, now),
    checkSchedule(env, extraction?.at ?? undefined, now),
    ...checkLastRun(run),
  ];
  const incidents = await openIncidents(pool);
  const failed = await undelivered(pool);
  if (incidents.length > 0) {
    const kinds = [...new Set(incidents.map(({ kind }) => kind))].join(", ");
    findings.push(
      warn("incidents", `${incidents.length} last: ${kinds}.`, "npm run elt -- alert lists them."),
    );
  }
  if (failed.length > 0) {
    findings.push(
      warn(
        "messages",
        `${failed.length} alerts could not be delivered.`,
        "npm run elt -- alert says why; npm run elt -- alert test tries each channel.",
      ),
    );
  }
  return findings;
}

function checkPublication(env: Environment, at: Date | undefined, now: Date): Finding {
  const check = "publication";
  if (at === undefined) return warn(check, "Nothing was ever published.", "npm run elt");
  const age = now.getTime() - at.getTime();
  const text = `The last is ${ageText(age / 1000)} old, of ${clock(at)} Brasília.`;
  const limit =
    collectProblems([], () => readAlertConfig(env))?.staleMs ?? Number.POSITIVE_INFINITY;
  return age > limit
    ? warn(check, text, "npm run elt -- status says how the last runs ended.")
    : ok(check, text);
}

/** No run is owed while the schedule has none; one that never comes is. */
function checkSchedule(env: Environment, last: Date | undefined, now: Date): Finding {
  const check = "schedule";
  const schedule = collectProblems([], () => readScheduleConfig(env));
  if (schedule === undefined) return skip(check, "SYNC_CRON and SYNC_HOURS cannot be read.");
  const next = clock(schedule.next(now));
  if (last === undefined) {
    return warn(
      check,
      "Nothing ever ran.",
      "Start elt worker, or let a timer call elt run: see the operator's guide.",
    );
  }
  let due = last;
  for (let turn = 0; turn < TURNS; turn++) due = schedule.next(due);
  return due < now
    ? warn(
        check,
        `The last run began ${ageText((now.getTime() - last.getTime()) / 1000)} ago, and ${TURNS} turns have passed since.`,
        "Look whether elt worker, or the timer that calls elt run, is up.",
      )
    : ok(check, `Runs come as they should; the worker's next turn is ${next} Brasília.`);
}

function checkLastRun(
  run: { readonly exit_code: number | null; readonly error: string | null } | undefined,
): readonly Finding[] {
  if (run === undefined || run.exit_code === null || run.exit_code === 0) return [];
  // 130 and 143 are somebody's wish.
  if (run.exit_code > 128) return [ok("last run", `Interrupted (exit ${run.exit_code}).`)];
  return [
    warn(
      "last run",
      `It ended with exit ${run.exit_code}: ${run.error ?? "no reason is known"}`,
      "npm run elt -- status shows the last runs.",
    ),
  ];
}

/** Whether somebody is told of failures. */
export function checkAlerts(env: Environment): Finding {
  const check = "alerts";
  const settings = collectProblems([], () => readAlertConfig(env));
  if (settings === undefined) return skip(check, "The variables of alerts cannot be read.");
  const channels = channelsOf(settings).map(({ name }) => name);
  return channels.length === 0
    ? warn(
        check,
        "Nobody is told when a run fails.",
        "Set ALERT_EMAIL_USER, ALERT_EMAIL_PASSWORD and ALERT_EMAIL_TO, or ALERT_WEBHOOK_URL.",
      )
    : ok(check, `By ${channels.join(" and ")}; npm run elt -- alert test sends one.`);
}

/** Whether the server will start, and be safe, where the environment wants it to listen. */
export async function checkServing(
  pool: Pool | undefined,
  env: Environment,
  now: Date,
): Promise<readonly Finding[]> {
  const check = "server keys";
  const config = collectProblems([], () => readServerConfig(env));
  if (config === undefined) return [skip(check, "The server's variables cannot be read.")];
  const stored = pool === undefined ? undefined : await countKeys(pool, now);
  const keys = config.apiKeys.length + (stored ?? 0);
  const isOpen = !isLoopback(config.host);
  const findings: Finding[] = [];
  if (keys > 0) findings.push(ok(check, `${keys} in force; it listens on ${config.host}.`));
  else if (!isOpen) findings.push(ok(check, `None; it listens on ${config.host} alone.`));
  else if (stored === undefined) findings.push(skip(check, "Keys are in the database."));
  else {
    findings.push(
      fail(
        check,
        `HOST is ${config.host}, which others can reach, and there is no key: elt serve will not start.`,
        "npm run elt -- keys create --name painel, or HOST=127.0.0.1.",
      ),
    );
  }
  if (isOpen && config.sessionSecret === undefined) {
    findings.push(
      warn(
        "sessions",
        "SESSION_SECRET is not set: each start of the server ends all logins.",
        "SESSION_SECRET=$(openssl rand -hex 32)",
      ),
    );
  }
  return findings;
}

async function countKeys(pool: Pool, now: Date): Promise<number> {
  const [keys] = await query<{ count: number }>(
    pool,
    sql`
      select count(*)::int as count
      from elt.api_keys
      where revoked_at is null and coalesce(expires_at > ${now}::timestamptz, true)`,
  );
  return keys?.count ?? 0;
}

function clock(at: Date): string {
  return formatWallClock(brasiliaWallClock(at)).slice(0, 16);
}
