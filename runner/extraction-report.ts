import type { ScanResult } from "../extract/events.ts";
import { exitCodes } from "./command.ts";
import type { Reporter } from "./reporter.ts";
import type { Outcome } from "./session.ts";

/**
 * Tells how an extraction ended: on stderr which objects did not arrive whole, why, and what to do,
 * and which lost so many records that a person must look (exit 3); and what a limit left for the
 * next run, which is no failure.
 */
export function reportExtraction(results: readonly ScanResult[], reporter: Reporter): Outcome {
  const stopped = results.filter(({ verdict }) => verdict === "stopped");
  if (stopped.length > 0) reporter.say(leftSentence(stopped, results.length));
  const bad = results.filter(({ verdict }) => verdict === "failed" || verdict === "unproven");
  const refused = results.filter(({ verdict, reason }) => verdict === "proven" && reason);
  if (bad.length + refused.length === 0) return { exitCode: exitCodes.done };
  const sentences = [
    ...(bad.length > 0 ? [failureSentence(bad, results.length)] : []),
    ...refused.flatMap(({ reason }) => reason ?? []),
  ];
  const error = sentences.join("\n");
  reporter.failure(error, exitCodes.sourceFailed);
  return { exitCode: exitCodes.sourceFailed, error };
}

function leftSentence(stopped: readonly ScanResult[], all: number): string {
  const begun = stopped.filter(({ pages }) => pages > 0).map(({ object }) => object);
  const notBegun = stopped.length - begun.length;
  const left = [
    begun.length > 0 ? `${begun.join(", ")} in the middle` : "",
    notBegun > 0 ? `${notBegun} not begun` : "",
  ].filter((part) => part !== "");
  return `A limit was reached with ${stopped.length} of ${all} objects not read to the end (${left.join(", ")}). The next run goes on from there; elt status shows how much is left.`;
}

/** The count and the names, then the reasons: objects that failed in the same way share one. */
function failureSentence(bad: readonly ScanResult[], all: number): string {
  const kinds = new Map<string, readonly ScanResult[]>();
  for (const result of bad) {
    const kind = result.fault ?? result.object;
    kinds.set(kind, [...(kinds.get(kind) ?? []), result]);
  }
  const reasons = [...kinds.values()].map(([first, ...others]) => {
    const names = others.map(({ object }) => object).join(", ");
    return `${first?.reason ?? ""}${names === "" ? "" : ` The same for ${names}.`}`;
  });
  const isNowhere = all > 1 && bad.length === all && kinds.size === 1 && kinds.has("unknown-path");
  if (isNowhere) {
    reasons.push("None of the paths exists at that address: check CVCRM_API_URL before all else.");
  }
  const objects = bad.map(({ object }) => object).join(", ");
  const head = `${bad.length} of ${all} objects did not arrive whole (${objects}).`;
  return [head, ...reasons].join(reasons.length === 1 ? " " : "\n");
}
