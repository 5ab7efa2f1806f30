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

/** The limits of one run. */
export function createLimits(
  { maxPages, deadline }: Pick<ScanOptions, "maxPages" | "deadline">,
  now: () => Date,
): Limits {
  let asked = 0;
  return {
    mayAsk: () =>
      (maxPages === undefined || asked < maxPages) && (deadline === undefined || now() < deadline),
    mayWait: (ms) => deadline === undefined || now().getTime() + ms < deadline.getTime(),
    count: () => {
      asked++;
    },
  };
}
