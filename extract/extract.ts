import type { CvdwObject } from "./catalogue.ts";
import { CvdwError, type CvdwFault } from "./errors.ts";
import type { ScanResult } from "./events.ts";
import { type ScanContext, scanObject } from "./scan.ts";

/** The name of the lock that keeps extraction to one run per account. */
export function extractionLock(conta: string): string {
  return `extract ${conta}`;
}

/**
 * Scans objects one after the other. A failure of the source ends its object, not the run; but a
 * source that never answered anything is not asked for the other objects too.
 * @returns one result per object, in order
 */
export async function extractObjects(
  context: ScanContext,
  objects: readonly CvdwObject[],
): Promise<readonly ScanResult[]> {
  const results: ScanResult[] = [];
  for (const object of objects) {
    const silent = results.length > 0 && !context.client.hasAnswered();
    const result = silent
      ? failedScan(object, { fault: "network", reason: `${object.name} was not tried.` })
      : await scanOrFailure(context, object);
    context.emit({ type: "object-finished", ...result });
    results.push(result);
  }
  return results;
}

async function scanOrFailure(context: ScanContext, object: CvdwObject): Promise<ScanResult> {
  const started = performance.now();
  try {
    return await scanObject(context, object);
  } catch (error) {
    if (!(error instanceof CvdwError)) throw error;
    const ms = Math.round(performance.now() - started);
    return failedScan(object, { fault: error.fault, reason: error.message, ms });
  }
}

function failedScan(
  object: CvdwObject,
  failure: { readonly fault: CvdwFault; readonly reason: string; readonly ms?: number },
): ScanResult {
  return {
    object: object.name,
    verdict: "failed",
    mode: "full",
    records: 0,
    newVersions: 0,
    pages: 0,
    ms: 0,
    ...failure,
  };
}
