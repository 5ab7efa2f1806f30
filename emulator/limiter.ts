/** The source's request limit: so many requests in any window, then nothing for a while. */
export type RateLimit = {
  readonly requests: number;
  readonly windowMs: number;
  /** How long every call is refused once the limit was passed. */
  readonly blockMs: number;
  /** Does a refused call start the block again? Default: no. */
  readonly strict?: boolean;
};

/** 20 in any 60 s, then refused for 60 s. */
export const DEFAULT_RATE_LIMIT: RateLimit = { requests: 20, windowMs: 60_000, blockMs: 60_000 };

export type Limiter = {
  /** Counts a call made at an instant (ms since 1970) and says whether it may pass. */
  readonly admit: (at: number) => "admitted" | "refused";
};

/** A limiter for one account. Refused calls do not count towards the window. */
export function createLimiter(limit: RateLimit): Limiter {
  let admitted: number[] = [];
  let blockedUntil = Number.NEGATIVE_INFINITY;
  return {
    admit: (at) => {
      if (at < blockedUntil) {
        if (limit.strict) blockedUntil = at + limit.blockMs;
        return "refused";
      }
      admitted = admitted.filter((before) => before > at - limit.windowMs);
      if (admitted.length >= limit.requests) {
        blockedUntil = at + limit.blockMs;
        return "refused";
      }
      admitted.push(at);
      return "admitted";
    },
  };
}
