import Bottleneck from "bottleneck";
import { OutOfTimeError } from "./limits.ts";
import { execute, type Queryable, query, sql } from "./query.ts";

type Wanted = Parameters<Budget["spend"]>[0];

/** At most `requests` in any stretch of `windowMs`. */
export type RateLimit = { readonly requests: number; readonly windowMs: number };

/** What one request turned out to be, for `elt.requests`. */
export type RequestOutcome = { readonly status: number; readonly bytes: number };

/** The request budget of one account. */
export type Budget = {
  readonly limit: RateLimit;
  /** Requests that the window had room for when the last one was taken. */
  readonly left: () => number;
  /**
   * Runs one request when the budget has room, and records its outcome.
   * @throws OutOfTimeError when the run may not wait for that
   */
  readonly spend: <T>(
    wanted: {
      readonly object: string;
      readonly page: number;
      /** Whether the run has time to wait so many milliseconds. Default: it has. */
      readonly mayWait?: (ms: number) => boolean;
    },
    send: () => Promise<{ readonly result: T; readonly outcome: RequestOutcome }>,
  ) => Promise<T>;
  /** No request leaves for that long: the source said 429. */
  readonly block: (ms: number) => Promise<void>;
};

/** Requests of this process under way together. */
const REQUESTS_AT_ONCE = 8;

/**
 * The window is rows in `elt.requests`, so that every process of an account shares it and a
 * restart remembers it; bottleneck bounds what is under way in this process.
 *
 * The source counts a request when it arrives, which is after it was taken and before its answer is
 * here. A request leaves the window one length after the latest moment it can have arrived, so that
 * no window of the source ever holds more than the limit.
 */
export function createBudget(options: {
  readonly database: Queryable;
  readonly conta: string;
  readonly limit: RateLimit;
  readonly sleep: (ms: number) => Promise<void>;
  readonly onWait: (wait: { readonly object: string; readonly ms: number }) => void;
}): Budget {
  const { database, conta, limit } = options;
  const queue = new Bottleneck({ maxConcurrent: REQUESTS_AT_ONCE });
  let left = limit.requests;

  async function take({ object, page, mayWait }: Wanted): Promise<string> {
    for (;;) {
      const [answer] = await query<{
        request_id: string | null;
        wait_ms: number | null;
        requests_left: number;
      }>(
        database,
        sql`
          select request_id::text, wait_ms, requests_left
          from elt.take_request(
            ${conta}, ${limit.requests}, ${limit.windowMs}, ${object}, ${page}
          )`,
      );
      if (answer?.request_id) {
        left = answer.requests_left;
        return answer.request_id;
      }
      const ms = answer?.wait_ms ?? 0;
      if (mayWait?.(ms) === false) throw new OutOfTimeError();
      options.onWait({ object, ms });
      await options.sleep(ms);
    }
  }

  return {
    limit,
    left: () => left,
    spend: (wanted, send) =>
      queue.schedule(async () => {
        const requestId = await take(wanted);
        const started = performance.now();
        const { result, outcome } = await send();
        const ms = Math.round(performance.now() - started);
        await execute(
          database,
          sql`
            update elt.requests
            set
              status = ${outcome.status}, bytes = ${outcome.bytes}, ms = ${ms},
              answered_at = clock_timestamp()
            where request_id = ${requestId}`,
        );
        return result;
      }),
    async block(ms) {
      await execute(
        database,
        sql`
          insert into elt.accounts (conta, blocked_until)
          values (${conta}, clock_timestamp() + make_interval(secs => ${ms / 1000}))
          on conflict (conta) do update
          set blocked_until = greatest(elt.accounts.blocked_until, excluded.blocked_until)`,
      );
    },
  };
}
