import { exitCodes } from "../command.ts";
import type { Reporter } from "../reporter.ts";
import type { Outcome } from "../session.ts";
import { namesText } from "./age-text.ts";
import type { Withheld } from "./withhold-stale.ts";

/** Tells what a build left as it was published because its source is too old (exit 3). */
export function reportWithheld({ models, objects }: Withheld, reporter: Reporter): Outcome {
  if (models.length === 0) return { exitCode: exitCodes.done };
  const count = models.length === 1 ? "1 model stays" : `${models.length} models stay`;
  const error = `${count} as published (${namesText(models)}): ${objects.join(", ")} must not be older than @fresh says, with block. Extract first (npm run elt); what does not rest on it was built.`;
  reporter.failure(error, exitCodes.sourceFailed);
  return { exitCode: exitCodes.sourceFailed, error };
}
