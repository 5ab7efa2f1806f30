import type { CvdwFault } from "./errors.ts";
import type { ScanResult } from "./events.ts";

/** Why the source is not asked for more objects, and what that is called in their results. */
export type GivenUp = { readonly fault: CvdwFault; readonly reason: string };

/** One object may have a failure of its own: that the source fails is only believed of two. */
const OBJECTS_ASKED = 2;

/**
 * Decides, after each object, whether to ask for the others at all. A source that refuses the
 * credentials, that does not let them into CVDW, or that never answered, would do so again for each
 * of them; as long as one object was read, every other one is asked.
 * @param results of the objects so far
 * @param hasAnswered whether the source has answered anything, whatever it said
 * @returns undefined to go on
 */
export function shouldGiveUp(
  results: readonly ScanResult[],
  hasAnswered: boolean,
): GivenUp | undefined {
  if (results.some(wasLetIn)) return undefined;
  const asked = (fault: CvdwFault): readonly ScanResult[] =>
    results.filter((result) => result.fault === fault);
  const refused = asked("unauthorized");
  if (refused.length >= OBJECTS_ASKED) {
    const reason = `CVDW refuses the credentials for the objects asked before, ${names(refused)} (401).`;
    return { fault: "unauthorized", reason };
  }
  const forbidden = asked("forbidden");
  if (forbidden.length >= OBJECTS_ASKED) {
    const reason = `CVDW lets this user into none of the objects asked before, ${names(forbidden)} (403).`;
    return { fault: "forbidden", reason };
  }
  const silent = [...asked("network"), ...asked("timeout")];
  if (!hasAnswered && silent.length >= OBJECTS_ASKED) {
    const reason = `the source answered nothing at all when it was asked for ${names(silent)}.`;
    return { fault: silent[0]?.fault ?? "network", reason };
  }
  return undefined;
}

/**
 * Whether the source refused the credentials wherever it looked at them. A path that does not exist
 * (405) is answered before they are looked at, and an object that no limit left time for says nothing.
 */
export function credentialsRefused(results: readonly ScanResult[]): boolean {
  const silent: ReadonlySet<string | undefined> = new Set(["unknown-path", undefined]);
  return (
    !results.some(wasLetIn) &&
    results.some(({ fault }) => fault === "unauthorized") &&
    results.every(({ fault }) => fault === "unauthorized" || silent.has(fault))
  );
}

function wasLetIn({ verdict, pages }: ScanResult): boolean {
  return verdict !== "failed" && pages > 0;
}

/** The first two name the kind of failure; the rest were not asked, or at the same time. */
function names(results: readonly ScanResult[]): string {
  return results
    .slice(0, OBJECTS_ASKED)
    .map(({ object }) => object)
    .join(" and ");
}
