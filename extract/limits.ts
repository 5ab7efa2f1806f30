import { setTimeout as delay } from "node:timers/promises";
import type { ScanOptions } from "./scan-options.ts";

/** What a run may still ask for, over all its objects. */
export type Limits = {
  readonly mayAsk: () => boolean;
  /** Whether a page may still be asked for after so many milliseconds. */
  readonly mayWait: (ms: number) => boolean;
  /** A page is asked for now. */
  readonly count: () => void;
};

/** The run has no time for the wait that the budget asks for: what was read stays to be gone on with. */
export class OutOfTimeError extends Error {
  override readonly name = "OutOfTimeError";
}

/**
 * The limits of one run.
 * @param stop once it is aborted, nothing more is asked for
 */
export function createLimits(
  { maxPages, deadline }: Pick<ScanOptions, "maxPages" | "deadline">,
  now: () => Date,
  stop: AbortSignal,
): Limits {
  let asked = 0;
  return {
    mayAsk: () =>
      !stop.aborted &&
      (maxPages === undefined || asked < maxPages) &&
      (deadline === undefined || now() < deadline),
    mayWait: (ms) =>
      !stop.aborted && (deadline === undefined || now().getTime() + ms < deadline.getTime()),
    count: () => {
      asked++;
    },
  };
}

/**
 * Waiting that a signal ends.
 * @returns rejects with OutOfTimeError as soon as `stop` is aborted
 */
export function sleepUntil(stop: AbortSignal): (ms: number) => Promise<void> {
  return async (ms) => {
    try {
      await delay(ms, undefined, { signal: stop });
    } catch {
      throw new OutOfTimeError();
    }
  };
}
