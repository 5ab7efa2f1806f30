import { Agent, request, errors as undiciErrors } from "undici";
import type { CvdwObject } from "./catalogue.ts";
import { CvdwError, type CvdwFault } from "./errors.ts";
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

const NO_RECORDS: Page = { totalRecords: 0, totalPages: 0, records: [] };

/** Opens the client. Nothing is sent before the first page is asked for. */
export function createCvdwClient(source: Source): CvdwClient {
  const dispatcher = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  });
  let answered = false;
  return {
    source,
    async fetchPage(wanted) {
      const answer = await send(source, dispatcher, wanted);
      answered = true;
      return pageOf(source, wanted, answer);
    },
    hasAnswered: () => answered,
    close: () => dispatcher.close(),
  };
}

/** The page that an answer is, or a CvdwError that says what came instead. */
function pageOf(source: Source, wanted: PageRequest, answer: Answer): PageAnswer {
  const text = (): string => answer.body.toString("utf8");
  if (answer.status === 204) return { page: NO_RECORDS, bytes: 0 };
  if (answer.status !== 200) throw refusal(source, wanted, answer);
  if (answer.body.length === 0) return { page: NO_RECORDS, bytes: 0 };
  if (answer.body.length < 200 && text().includes("Too many requests")) {
    throw refusal(source, wanted, { ...answer, status: 429 });
  }
  try {
    const page = slicePage(answer.body, wantedFields(wanted.object));
    return { page, bytes: answer.body.length };
  } catch (error) {
    if (!(error instanceof PageSyntaxError)) throw error;
    throw new CvdwError({
      ...place(wanted),
      fault: "malformed",
      status: 200,
      message: `the answer is not a page of CVDW (${answer.contentType}, ${answer.body.length} bytes): ${error.message}.`,
    });
  }
}

type Answer = {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | undefined;
  readonly body: Buffer;
};

async function send(source: Source, dispatcher: Agent, wanted: PageRequest): Promise<Answer> {
  try {
    const response = await request(pageUrl(source.baseUrl, wanted), {
      dispatcher,
      headers: { accept: "application/json", email: source.email, token: source.token },
    });
    const body = Buffer.from(await response.body.arrayBuffer());
    const { "content-type": contentType, "retry-after": retryAfter } = response.headers;
    return {
      status: response.statusCode,
      contentType: String(contentType ?? "no content type"),
      retryAfter: retryAfter === undefined ? undefined : String(retryAfter),
      body,
    };
  } catch (error) {
    throw new CvdwError({
      ...place(wanted),
      fault: "network",
      message: `no complete answer from ${new URL(source.baseUrl).host} (${networkReason(error)}). Check the network and CVCRM_API_URL.`,
    });
  }
}

/** The space of a date-time must be `%20`: some accounts refuse the `+` of URLSearchParams. */
function pageUrl(baseUrl: string, { object, page, pageSize, since }: PageRequest): string {
  const filter =
    since === undefined ? "" : `&a_partir_data_referencia=${encodeURIComponent(since)}`;
  return `${baseUrl}${object.path}?pagina=${page}&registros_por_pagina=${pageSize}${filter}`;
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
        advice: `CVCRM_API_EMAIL and CVCRM_API_TOKEN are not a pair of account ${source.conta}, or their user has no permission for ${object.name}.`,
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

/** `Retry-After` as milliseconds; only the form in seconds has a use here. */
function retryAfterMs(header: string | undefined): number | undefined {
  const seconds = Number(header);
  return header !== undefined && seconds >= 0 ? Math.ceil(seconds * 1000) : undefined;
}

function networkReason(error: unknown): string {
  if (error instanceof undiciErrors.UndiciError) return `${error.code}: ${error.message}`;
  if (error instanceof AggregateError && error.errors.length > 0) {
    return networkReason(error.errors[0]);
  }
  return error instanceof Error ? error.message : String(error);
}
