import { setTimeout as delay } from "node:timers/promises";
import { ConfigError } from "../errors.ts";
import { failureOf } from "../failure.ts";
import { type Finding, fail, failFrom } from "./finding.ts";

/** One thing to look at. */
export type Check = {
  readonly name: string;
  readonly limitMs: number;
  /** Ends its work, as far as it can, when the signal is aborted: nobody waits for it any more. */
  readonly look: (signal: AbortSignal) => Promise<readonly Finding[]>;
};

/**
 * Looks, for a limited time. Never throws: a check that fails, or does not come to an end, is a
 * finding like any other, so that it hides no other.
 */
export async function runCheck({ name, limitMs, look }: Check): Promise<readonly Finding[]> {
  const end = new AbortController();
  const tooLate = delay(limitMs, undefined, { signal: end.signal }).then(
    () => [
      fail(
        name,
        `No end of this check after ${limitMs / 1000} s.`,
        "Look at the network and at what else keeps the database or the source busy, then ask again.",
      ),
    ],
    () => [],
  );
  try {
    return await Promise.race([look(end.signal), tooLate]);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((each) => failFrom(name, each));
    const [sentence = ""] = failureOf(error).message.split("\n");
    const reason = error instanceof Error ? error.message : sentence;
    return [fail(name, `This could not be looked at: ${reason}`, "Solve that, then ask again.")];
  } finally {
    end.abort();
  }
}

/** Looks at several things side by side; the findings come in their order. */
export async function runChecks(checks: readonly Check[]): Promise<readonly Finding[]> {
  return (await Promise.all(checks.map(runCheck))).flat();
}
