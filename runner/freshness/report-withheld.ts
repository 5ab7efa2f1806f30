import { exitCodes } from "../command.ts";
import type { Reporter } from "../reporter.ts";
import type { Outcome } from "../session.ts";
import { namesText } from "./age-text.ts";
import type { Withheld } from "./withhold-stale.ts";

/** Tells what a build left as it was published because its source is too old (exit 3). */
export function reportWithheld({ models, objects }: Withheld, reporter: Reporter): Outcome {
  if (models.length === 0) return { exitCode: exitCodes.done };
  const [stay, are] = [models.length === 1 ? "stays" : "stay", objects.length === 1 ? "is" : "are"];
  const error = `${namesText(models)} ${stay} as published: ${objects.join(", ")} ${are} older than @fresh allows, with block. Extract first (npm run elt); what does not rest on ${objects.length === 1 ? "it" : "them"} was built.`;
  reporter.failure(error, exitCodes.sourceFailed);
  return { exitCode: exitCodes.sourceFailed, error };
}
