import type { RequestHandler } from "express";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { RateLimit } from "../runner/limits.ts";
import { Problem } from "./problem.ts";
import { readerOf } from "./require-reader.ts";

const defaultLimit: RateLimit = { requests: 600, windowMs: 60_000 };

/** Lets a key send so many requests and no more; who needs no key is not counted. */
export function limitRate(limit: RateLimit = defaultLimit): RequestHandler {
  const limiter = createLimiter(limit);
  return async (_request, response, next) => {
    const { id } = readerOf(response);
    if (id === undefined) return next();
    const { allowed, remaining, waitMs } = await limiter.take(id);
    const seconds = Math.max(1, Math.ceil(waitMs / 1000));
    response.setHeader("RateLimit-Limit", limit.requests);
    response.setHeader("RateLimit-Remaining", remaining);
    response.setHeader("RateLimit-Reset", seconds);
    if (!allowed) throw tooMany(seconds, `${limit.requests} por ${limit.windowMs / 1000} s`);
    next();
  };
}

/** What is left of a limit after one more request. */
export type Taken = {
  readonly allowed: boolean;
  readonly remaining: number;
  /** Until the window is over. */
  readonly waitMs: number;
};

/** Counts requests by some name, in the memory of this process. */
export function createLimiter({ requests, windowMs }: RateLimit): {
  take(name: string): Promise<Taken>;
  /** Whether one more would be allowed, without counting it. */
  left(name: string): Promise<Taken>;
} {
  const limiter = new RateLimiterMemory({ points: requests, duration: windowMs / 1000 });
  return {
    left: async (name) => {
      const found = await limiter.get(name);
      const remaining = found === null ? requests : Math.max(0, found.remainingPoints);
      return { allowed: remaining > 0, remaining, waitMs: found?.msBeforeNext ?? 0 };
    },
    take: async (name) => {
      try {
        const { remainingPoints, msBeforeNext } = await limiter.consume(name);
        return { allowed: true, remaining: remainingPoints, waitMs: msBeforeNext };
      } catch (error) {
        if (!(error instanceof RateLimiterRes)) throw error;
        return { allowed: false, remaining: 0, waitMs: error.msBeforeNext };
      }
    },
  };
}

/** Too many requests: when to try again, and what the limit is. */
export function tooMany(seconds: number, limit: string): Problem {
  return new Problem({
    status: 429,
    type: "muitas-requisicoes",
    title: "Requisições demais",
    detail: `O limite é ${limit}. Tente de novo em ${seconds} s.`,
    headers: { "Retry-After": String(seconds) },
  });
}
