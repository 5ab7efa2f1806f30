import type { CvdwObject } from "./catalogue.ts";
import { CvdwError, type CvdwFault } from "./errors.ts";
import type { ScanResult } from "./events.ts";
import { shouldGiveUp } from "./give-up.ts";
import { createLimits } from "./limits.ts";
import { type ScanContext, scanObject } from "./scan.ts";

/** The name of the lock that keeps extraction to one run per account. */
export function extractionLock(conta: string): string {
  return `extract ${conta}`;
}

/** Pages of that many objects are held in memory at most. */
const OBJECTS_AT_ONCE = 8;

/**
 * Scans objects in their order, one after the other as long as the source answers as fast as the
 * budget allows to ask; when it is slower, or one has to wait before it is asked for again, another
 * object is begun beside, so that the budget does not idle. A failure of the source ends its object,
 * not the run; but a source that refuses the first objects for good is not asked for the others. Any
 * other failure, as of the database, ends the run: those under way ask for nothing more.
 *
 * @returns one result per object, in the order given
 */
export async function extractObjects(
  context: ScanContext,
  objects: readonly CvdwObject[],
): Promise<readonly ScanResult[]> {
  const results = new Map<CvdwObject, ScanResult>();
  const limits = createLimits(context.options, context.now, context.stop.signal);
  const waiting = [...objects];
  const underWay = new Set<Promise<void>>();
  let failure: unknown;
  let gavePage = false;

  const watched: ScanContext = {
    ...context,
    client: {
      ...context.client,
      fetchPage: async (wanted) => {
        const { requests, windowMs } = context.budget.limit;
        const slow = setTimeout(() => {
          if (context.client.hasAnswered()) begin();
        }, windowMs / requests);
        try {
          const answer = await context.client.fetchPage(wanted);
          gavePage = true;
          return answer;
        } finally {
          clearTimeout(slow);
        }
      },
    },
    sleep: (ms) => {
      if (context.client.hasAnswered()) begin();
      return context.sleep(ms);
    },
  };

  async function scan(object: CvdwObject): Promise<void> {
    // Also an object that failed later shows that the source lets this user in.
    const givenUp = gavePage
      ? undefined
      : shouldGiveUp([...results.values()], context.client.hasAnswered());
    let result: ScanResult;
    if (givenUp !== undefined) result = notTried(object, givenUp);
    else if (!limits.mayAsk()) result = stopped(object);
    else result = await scanOrFailure(watched, limits, object);
    context.emit({ type: "object-finished", ...result });
    results.set(object, result);
  }

  function begin(): void {
    if (failure !== undefined || underWay.size >= OBJECTS_AT_ONCE) return;
    const object = waiting.shift();
    if (object === undefined) return;
    const scanning = scan(object)
      .catch((error: unknown) => {
        failure ??= error;
        context.stop.abort();
      })
      .finally(() => {
        underWay.delete(scanning);
      });
    underWay.add(scanning);
  }

  while (waiting.length > 0 || underWay.size > 0) {
    if (underWay.size === 0) begin();
    await Promise.race(underWay);
    if (failure !== undefined) waiting.length = 0;
  }
  if (failure !== undefined) throw failure;
  return objects.flatMap((object) => results.get(object) ?? []);
}

async function scanOrFailure(
  context: ScanContext,
  limits: ReturnType<typeof createLimits>,
  object: CvdwObject,
): Promise<ScanResult> {
  const started = performance.now();
  try {
    return await scanObject(context, limits, object);
  } catch (error) {
    if (!(error instanceof CvdwError)) throw error;
    const ms = Math.round(performance.now() - started);
    const { fault, message: reason } = error;
    return { ...nothingRead(object), verdict: "failed", fault, reason, ms };
  }
}

function notTried(
  object: CvdwObject,
  { fault, reason }: { readonly fault: CvdwFault; readonly reason: string },
): ScanResult {
  return {
    ...nothingRead(object),
    verdict: "failed",
    fault,
    reason: `${object.name} was not tried: ${reason}`,
  };
}

function stopped(object: CvdwObject): ScanResult {
  const reason = `${object.name}: not begun, a limit was reached before.`;
  return { ...nothingRead(object), verdict: "stopped", reason };
}

function nothingRead(object: CvdwObject): Omit<ScanResult, "verdict"> {
  return {
    object: object.name,
    mode: "full",
    records: 0,
    newVersions: 0,
    quarantined: 0,
    removed: 0,
    returned: 0,
    pages: 0,
    ms: 0,
  };
}
