import type { Pool } from "pg";
import { type Budget, createBudget } from "../../extract/budget.ts";
import { query, sql } from "../../extract/query.ts";
import type { SourceConfig } from "../config.ts";
import { type Finding, ok, warn } from "./finding.ts";

/** How full the account's request window is. */
export type RequestRoom = {
  readonly used: number;
  /** Until when the source refuses everything after a 429. */
  readonly blockedUntil: Date | null;
  /** Answers 429 of the last day. */
  readonly refused: number;
};

/** What the database remembers of the account's requests; nothing on one that is not migrated. */
export async function readRequestRoom(
  pool: Pool,
  { conta, rateLimit }: SourceConfig,
): Promise<RequestRoom> {
  const [room] = await query<RequestRoom>(
    pool,
    sql`
      select
        (
          count(*) filter (
            where sent_at > clock_timestamp() - make_interval(secs => ${rateLimit.windowMs / 1000})
          )
        )::int as used,
        (
          select blocked_until
          from elt.accounts
          where conta = ${conta} and blocked_until > clock_timestamp()
        ) as "blockedUntil",
        (count(*) filter (where status = 429))::int as refused
      from elt.requests
      where conta = ${conta} and sent_at > clock_timestamp() - interval '1 day'`,
  );
  return room ?? noRequests;
}

export const noRequests: RequestRoom = { used: 0, blockedUntil: null, refused: 0 };

/** The least that so many requests take, in milliseconds, with what other processes just used. */
export function leastWaitMs(
  { rateLimit }: Pick<SourceConfig, "rateLimit">,
  { used, blockedUntil }: RequestRoom,
  requests: number,
  now: Date,
): number {
  const windows = Math.floor(Math.max(0, used + requests - 1) / rateLimit.requests);
  const blocked = Math.max(0, (blockedUntil?.getTime() ?? 0) - now.getTime());
  return Math.max(windows * rateLimit.windowMs, blocked);
}

/** Tells the limit in force, and whether the source thinks it too high. */
export function describeRoom(
  { rateLimit }: SourceConfig,
  { used, blockedUntil, refused }: RequestRoom,
): Finding {
  const check = "request limit";
  const { requests, windowMs } = rateLimit;
  const text = `${requests} in ${windowMs / 1000} s, of which ${Math.min(used, requests)} were just used`;
  if (blockedUntil !== null) {
    return warn(
      check,
      `${text}; the source blocks the account until ${blockedUntil.toISOString()}.`,
      "Wait; lower CVCRM_RATE_LIMIT if another program shares the account.",
    );
  }
  return refused > 0
    ? warn(
        check,
        `${text}; the source answered ${refused} times in the last day that this is too many (429).`,
        "Lower CVCRM_RATE_LIMIT, or find the other program that uses the account.",
      )
    : ok(check, `${text}.`);
}

/** The account's budget, shared with every other process by the database. */
export function sharedBudget(
  pool: Pool,
  { conta, rateLimit }: SourceConfig,
  sleep: (ms: number) => Promise<void>,
): Budget {
  return createBudget({ database: pool, conta, limit: rateLimit, sleep, onWait: () => undefined });
}

/** Sends without counting: for one or two requests, while there is no database that counts them. */
export function uncounted({ rateLimit }: Pick<SourceConfig, "rateLimit">): Budget {
  return {
    limit: rateLimit,
    left: () => rateLimit.requests,
    block: async () => undefined,
    spend: async (_, send) => (await send()).result,
  };
}
