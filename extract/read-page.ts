import type { Budget, RequestOutcome } from "./budget.ts";
import type { CvdwClient, PageRequest } from "./cvdw.ts";
import { CvdwError } from "./errors.ts";
import type { ExtractEvent } from "./events.ts";
import type { Page } from "./page.ts";

/** What reading needs besides the request. */
export type PageReader = {
  readonly client: CvdwClient;
  readonly budget: Budget;
  readonly emit: (event: ExtractEvent) => void;
  readonly sleep: (ms: number) => Promise<void>;
  /** From 0 to 1, for jitter. */
  readonly random: () => number;
};

/** Pages are halved when the source takes too long, but not below this. */
export const SMALLEST_PAGE = 10;

const ATTEMPTS = 5;
const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 30_000;
/** CVDW blocks the whole next minute after a 429. */
const BLOCK_MS = 60_000;

/**
 * Reads one page within the budget. Faults that can heal are asked again, with exponential backoff
 * and full jitter; a 429 stops the whole account for as long as the source says. A time-out is asked
 * again only where the page cannot be made smaller.
 * @param wanted.rowsExpected an answer without records is a fault: they are known to exist
 * @param wanted.mayWait whether the run has the time to ask again after so many milliseconds
 * @throws CvdwError when it cannot heal, did not in five attempts, or there is no time to see it;
 *   OutOfTimeError when there is no time to ask at all
 */
export async function readPage(
  reader: PageReader,
  wanted: PageRequest & {
    readonly rowsExpected: boolean;
    readonly mayWait: (ms: number) => boolean;
  },
): Promise<Page> {
  for (let attempt = 1; ; attempt++) {
    const { object, page, mayWait } = wanted;
    const answer = await reader.budget.spend({ object: object.name, page, mayWait }, () =>
      attemptPage(reader.client, wanted),
    );
    if (!(answer instanceof CvdwError)) return answer;
    const healable =
      answer.retryable || (answer.fault === "timeout" && wanted.pageSize <= SMALLEST_PAGE);
    if (!healable) throw answer;
    if (attempt === ATTEMPTS) throw answer.after(ATTEMPTS);
    const ms = await pause(reader, answer, attempt);
    if (!wanted.mayWait(ms)) throw answer;
    reader.emit({
      type: "request-retried",
      object: wanted.object.name,
      page: wanted.page,
      attempt,
      ms,
      reason: answer.message,
    });
    await reader.sleep(ms);
  }
}

/** A refusal is a value here, so that the budget records its status too. */
async function attemptPage(
  client: CvdwClient,
  wanted: PageRequest & { readonly rowsExpected: boolean },
): Promise<{ readonly result: Page | CvdwError; readonly outcome: RequestOutcome }> {
  try {
    const { page, bytes } = await client.fetchPage(wanted);
    const outcome = { status: 200, bytes };
    if (wanted.rowsExpected && page.records.length === 0 && !isBeyondTheEnd(wanted, page)) {
      return { result: emptyPage(wanted), outcome };
    }
    return { result: page, outcome };
  } catch (error) {
    if (!(error instanceof CvdwError)) throw error;
    return { result: error, outcome: { status: error.status ?? 0, bytes: 0 } };
  }
}

/** It says itself that the source has shrunk so far that it has no rows: asked again, it might not. */
function isBeyondTheEnd({ page, pageSize }: PageRequest, { totalRecords }: Page): boolean {
  return totalRecords > 0 && totalRecords <= (page - 1) * pageSize;
}

function emptyPage(wanted: PageRequest): CvdwError {
  return new CvdwError({
    fault: "empty",
    object: wanted.object.name,
    page: wanted.page,
    status: 200,
    message: `the source answered without records where it has had some. If they are gone indeed, run: npm run elt -- extract ${wanted.object.name} --full --allow-mass-removal.`,
  });
}

async function pause(reader: PageReader, error: CvdwError, attempt: number): Promise<number> {
  if (error.fault === "rate-limited") {
    const ms = error.retryAfterMs ?? BLOCK_MS;
    await reader.budget.block(ms);
    return ms;
  }
  const ceiling = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempt - 1));
  return error.retryAfterMs ?? Math.round(ceiling * reader.random());
}
