import { Agent, request, errors as undiciErrors } from "undici";
import type { CvdwObject } from "./catalogue.ts";
import { CvdwError, type CvdwFault } from "./errors.ts";
import type { FieldObserver } from "./fields.ts";
import { type Page, PageSyntaxError, slicePage } from "./page.ts";
import { wantedFields } from "./record.ts";

/** An account of CVDW and how to reach it. */
export type Source = {
  readonly conta: string;
  /** API base, without a slash at the end. */
  readonly baseUrl: string;
  readonly email: string;
  readonly token: string;
};

export type PageRequest = {
  readonly object: CvdwObject;
  /** From 1. */
  readonly page: number;
  readonly pageSize: number;
  /** Only what was created or altered since; `YYYY-MM-DD[ HH:MM:SS]`, Brasília. */
  readonly since?: string | undefined;
  /** Only what was created or altered until then, the same form. */
  readonly until?: string | undefined;
  /** Counts the fields of the records that arrive. */
  readonly fields?: FieldObserver | undefined;
};

/** A page and the size of the answer that carried it. */
export type PageAnswer = { readonly page: Page; readonly bytes: number };

/** One connection pool to CVDW; `close` ends its sockets. */
export type CvdwClient = {
  readonly source: Source;
  readonly fetchPage: (wanted: PageRequest) => Promise<PageAnswer>;
  /** Whether anything has answered yet, whatever it said. */
  readonly hasAnswered: () => boolean;
  readonly close: () => Promise<void>;
};

/** Objects exist that take 20 s for 50 rows. */
const TIMEOUT_MS = 180_000;
const CONNECT_TIMEOUT_MS = 15_000;
/** A page of 500 records has a few; what goes on for ever must not fill the memory. */
const MOST_BYTES = 64 * 1024 * 1024;

const NO_RECORDS: Page = { totalRecords: 0, totalPages: 0, records: [] };

/**
 * Opens the client. Nothing is sent before the first page is asked for.
 * @param options.timeoutMs how long an answer may take to begin, and to go on (default 3 minutes);
 *   twice as long may it take in all
 * @param options.maxBytes how long an answer may be (default 64 MiB)
 */
export function createCvdwClient(
  source: Source,
  {
    timeoutMs = TIMEOUT_MS,
    maxBytes = MOST_BYTES,
  }: { readonly timeoutMs?: number; readonly maxBytes?: number } = {},
): CvdwClient {
  const dispatcher = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  let answered = false;
  return {
    source,
    async fetchPage(wanted) {
      const signal = AbortSignal.timeout(2 * timeoutMs);
      const answer = await send(source, wanted, { dispatcher, signal, maxBytes });
      answered = true;
      return pageOf(source, wanted, answer);
    },
    hasAnswered: () => answered,
    close: () => dispatcher.close(),
  };
}

/**
 * The page that an answer is, or a CvdwError that says what came instead: its status first, then
 * its length, then whether it looks like JSON; only then is it read.
 */
function pageOf(source: Source, wanted: PageRequest, answer: Answer): PageAnswer {
  const { status, body } = answer;
  if (status === 204 || (status === 200 && body.length === 0)) {
    return { page: NO_RECORDS, bytes: 0 };
  }
  if (status !== 200) throw refusal(source, wanted, answer);
  if (body.length < LONGEST_REFUSAL && body.toString("latin1").includes("Too many requests")) {
    throw refusal(source, wanted, { ...answer, status: 429 });
  }
  if (!startsLikeJson(body)) throw malformed(wanted, answer, "it is not JSON");
  try {
    return {
      page: slicePage(body, wantedFields(wanted.object), wanted.fields),
      bytes: body.length,
    };
  } catch (error) {
    if (!(error instanceof PageSyntaxError)) throw error;
    throw malformed(wanted, answer, error.message);
  }
}

/** A refusal is short; a page with that text in a record is not. */
const LONGEST_REFUSAL = 200;

function startsLikeJson(body: Buffer): boolean {
  return body.toString("latin1", 0, 64).trimStart().startsWith("{");
}

function malformed(wanted: PageRequest, answer: Answer, what: string): CvdwError {
  return new CvdwError({
    ...place(wanted),
    fault: "malformed",
    status: 200,
    message: `the answer is not a page of CVDW (${answer.contentType}, ${answer.body.length} bytes): ${what}.`,
  });
}

type Answer = {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | undefined;
  readonly body: Buffer;
};

async function send(
  source: Source,
  wanted: PageRequest,
  how: { readonly dispatcher: Agent; readonly signal: AbortSignal; readonly maxBytes: number },
): Promise<Answer> {
  const { dispatcher, signal, maxBytes } = how;
  try {
    const response = await request(pageUrl(source.baseUrl, wanted), {
      dispatcher,
      signal,
      headers: { accept: "application/json", email: source.email, token: source.token },
    });
    const body = await readBody(response.body, maxBytes);
    if (body === undefined) throw tooLarge(wanted, maxBytes);
    const { "content-type": contentType, "retry-after": retryAfter } = response.headers;
    return {
      status: response.statusCode,
      contentType: String(contentType ?? "no content type"),
      retryAfter: retryAfter === undefined ? undefined : String(retryAfter),
      body,
    };
  } catch (error) {
    if (error instanceof CvdwError) throw error;
    const tooSlow =
      signal.aborted ||
      error instanceof undiciErrors.HeadersTimeoutError ||
      error instanceof undiciErrors.BodyTimeoutError;
    throw new CvdwError({
      ...place(wanted),
      fault: tooSlow ? "timeout" : "network",
      message: `no complete answer from ${new URL(source.baseUrl).host} (${networkReason(error)}). Check the network and CVCRM_API_URL.`,
    });
  }
}

/** An answer's bytes; undefined as soon as they are more than that. */
async function readBody(
  body: AsyncIterable<Buffer>,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop ends the connection: what is still to come is not taken.
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

function tooLarge(wanted: PageRequest, maxBytes: number): CvdwError {
  return new CvdwError({
    ...place(wanted),
    fault: "too-large",
    status: 200,
    message: `the answer is longer than ${Math.floor(maxBytes / 1024 / 1024)} MiB for ${wanted.pageSize} records: rather a failure of the source than data.`,
  });
}

/** The space of a date-time must be `%20`: some accounts refuse the `+` of URLSearchParams. */
function pageUrl(baseUrl: string, wanted: PageRequest): string {
  const { object, page, pageSize } = wanted;
  const filter = (name: string, value: string | undefined) =>
    value === undefined ? "" : `&${name}=${encodeURIComponent(value)}`;
  return [
    `${baseUrl}${object.path}?pagina=${page}&registros_por_pagina=${pageSize}`,
    filter("a_partir_data_referencia", wanted.since),
    filter("ate_data_referencia", wanted.until),
  ].join("");
}

function refusal(source: Source, wanted: PageRequest, answer: Answer): CvdwError {
  const { fault, advice } = explainStatus(source, wanted.object, answer.status);
  return new CvdwError({
    ...place(wanted),
    fault,
    status: answer.status,
    retryAfterMs: retryAfterMs(answer.retryAfter),
    message: `CVDW answered ${answer.status}. ${advice}`,
  });
}

function explainStatus(
  source: Source,
  object: CvdwObject,
  status: number,
): { readonly fault: CvdwFault; readonly advice: string } {
  switch (status) {
    case 401:
      return {
        fault: "unauthorized",
        advice: `The user has no permission for ${object.name}: give it in the CRM, or leave ${object.name} out of the extraction. If every object answers so, CVCRM_API_EMAIL and CVCRM_API_TOKEN are not a pair of account ${source.conta}.`,
      };
    case 403:
      return {
        fault: "forbidden",
        advice: "The user's profile has no access to CVDW: enable it in the CRM.",
      };
    case 404:
      return {
        fault: "unknown-path",
        advice: "Check CVCRM_ACCOUNT and CVCRM_API_URL: there is no CVDW at that address.",
      };
    case 405:
      return {
        fault: "unknown-path",
        advice: `The path ${object.path} does not exist in this account's CVDW: leave ${object.name} out of the extraction.`,
      };
    // The source's own name for a failure on its side.
    case 422:
      return { fault: "server", advice: "A failure of the source: run again later." };
    case 429:
      return {
        fault: "rate-limited",
        advice: "Too many requests: lower CVCRM_RATE_LIMIT if another program shares the account.",
      };
    default:
      return status >= 500
        ? { fault: "server", advice: "A failure of the source: run again later." }
        : { fault: "refused", advice: "The source refuses this request." };
  }
}

function place(wanted: PageRequest): { readonly object: string; readonly page: number } {
  return { object: wanted.object.name, page: wanted.page };
}

/**
 * `Retry-After` in milliseconds, from seconds or from a date; an hour at most. One that has passed says
 * nothing: asking again at once would spend every attempt within a second.
 */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === "") return undefined;
  const seconds = Number(header);
  const ms = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : Math.ceil(seconds * 1000);
  return ms > 0 ? Math.min(ms, 3_600_000) : undefined;
}

function networkReason(error: unknown): string {
  if (error instanceof undiciErrors.UndiciError) return `${error.code}: ${error.message}`;
  if (error instanceof AggregateError && error.errors.length > 0) {
    return networkReason(error.errors[0]);
  }
  return error instanceof Error ? error.message : String(error);
}
