import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Account } from "./account.ts";
import {
  type Answer,
  bodyBytes,
  invalidField,
  jsonAnswer,
  tooManyRequests,
  unknownRoute,
  wrongCredentials,
} from "./answer.ts";
import { type EmptyForm, pageAnswer } from "./envelope.ts";
import { createFaults, type FaultScript, type Strike } from "./faults.ts";
import { objectAtPath } from "./fields.ts";
import { createLimiter, DEFAULT_RATE_LIMIT, type Limiter, type RateLimit } from "./limiter.ts";
import { type DateMode, gatherParameters, readParameters } from "./parameters.ts";

const BASE_PATH = "/api/v1/cvdw";

export type EmulatorOptions = {
  /** Told apart by their e-mail and token. */
  readonly accounts: readonly Account[];
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 20 in any 60 s, then 429 for 60 s; null: no limit. */
  readonly rateLimit?: RateLimit | null;
  /** Default "datetime"; "date-only" answers 400 to a time of day. Zero dates are refused by both. */
  readonly dateMode?: DateMode;
  /** How a page without records looks. Default "envelope". */
  readonly emptyForm?: EmptyForm;
  /** The clock of the limiter and of the log. */
  readonly now?: () => Date;
  /** Wait before every answer, as a slow source would. Default 0. */
  readonly delayMs?: number;
};

/** One call that arrived, without its credentials. */
export type RequestLogEntry = {
  readonly at: Date;
  /** null: credentials of no account, or refused before they were looked at. */
  readonly conta: string | null;
  readonly method: string;
  /** Path below the API base, or `//` and the whole path outside of it. */
  readonly path: string;
  readonly parameters: { readonly [name: string]: string };
  /** 0: the connection was reset. */
  readonly status: number;
  readonly rows: number;
  /** The scripted fault that struck. */
  readonly fault?: string;
};

export type Emulator = {
  /** The API's base, for CVCRM_API_URL. */
  readonly url: string;
  readonly port: number;
  /** Every call so far, oldest first; grows. */
  readonly requests: readonly RequestLogEntry[];
  /** Adds a scripted fault and gives the function that ends it. */
  readonly fault: (script: FaultScript) => () => void;
  /** Stops listening and drops open connections. */
  readonly close: () => Promise<void>;
};

type Routed = {
  readonly answer: Answer;
  readonly conta: string | null;
  readonly strike?: Strike | undefined;
};

/** Starts an emulated CVDW. Rejects when the port is taken or two accounts share their credentials. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { host = "127.0.0.1", now = () => new Date(), delayMs = 0 } = options;
  const limit = options.rateLimit === undefined ? DEFAULT_RATE_LIMIT : options.rateLimit;
  checkCredentials(options.accounts);
  const limiters = new Map<Account | undefined, Limiter>();
  const faults = createFaults();
  const requests: RequestLogEntry[] = [];

  const admit = (account: Account | undefined): boolean => {
    if (limit === null) return true;
    let limiter = limiters.get(account);
    if (limiter === undefined) {
      limiter = createLimiter(limit);
      limiters.set(account, limiter);
    }
    return limiter.admit(now().getTime()) === "admitted";
  };

  const route = (
    request: IncomingMessage,
    path: string,
    parameters: ReadonlyMap<string, string>,
  ): Routed => {
    if (path === "///api/app/ambiente") {
      const nome = options.accounts[0]?.conta ?? "";
      return { answer: jsonAnswer(200, { nome, ambiente: "producao" }), conta: null };
    }
    const account = accountOf(options.accounts, request);
    const conta = account?.conta ?? null;
    // The limiter stands before the router: a 429 may hide a 405.
    if (!admit(account)) return { answer: tooManyRequests, conta };
    const moved = /^\/(atendimentos|assistencias(?:\/itens|\/visitas)?)\/workflow-tempo$/.exec(
      path,
    );
    if (moved !== null && request.method === "GET") {
      const search = new URL(request.url ?? "/", "http://localhost").search;
      const location = `${BASE_PATH}/${moved[1]}/workflow/tempo${search}`;
      const answer = jsonAnswer(301, { message: "Moved Permanently" });
      return { answer: { ...answer, headers: { ...answer.headers, location } }, conta };
    }
    const object = objectAtPath(path);
    if (object === undefined || request.method !== "GET") return { answer: unknownRoute, conta };
    if (account === undefined) return { answer: wrongCredentials, conta };

    const read = readParameters(parameters, options.dateMode ?? "datetime");
    const page = Number(parameters.get("pagina") ?? 1);
    const pageSize = read.status === "read" ? read.request.registrosPorPagina : 0;
    const strike = faults.meet({ account, object, page, pageSize });
    const regular = (pagina?: number): Answer => {
      if (read.status === "invalid") return invalidField(read.field);
      const asked = pagina === undefined ? read.request : { ...read.request, pagina };
      return pageAnswer(account, object, asked, options.emptyForm ?? "envelope");
    };
    return { answer: strike === undefined ? regular() : strike.change(regular), conta, strike };
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const at = now();
    const { path, query } = splitUrl(request.url ?? "/");
    const parameters = gatherParameters(query, await readBody(request));
    const { answer, conta, strike } = route(request, path, parameters);
    const wire = strike?.wire ?? "whole";
    requests.push({
      at,
      conta,
      method: request.method ?? "",
      path,
      parameters: Object.fromEntries(parameters),
      status: wire === "reset" ? 0 : answer.status,
      rows: answer.rows,
      ...(strike === undefined ? {} : { fault: strike.name }),
    });
    const wait = delayMs + (strike?.delayMs ?? 0);
    if (wait > 0) await delay(wait, undefined, { ref: false });
    send(response, answer, wire);
  };

  const server = createServer((request, response) => {
    // A client that hangs up half way is its own business; anything else is a bug and must surface.
    serve(request, response).catch((error: unknown) => {
      response.destroy();
      if (!request.destroyed || request.complete) throw error;
    });
  });
  server.listen(options.port ?? 0, host);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP port");
  return {
    url: `http://${host}:${address.port}${BASE_PATH}`,
    port: address.port,
    requests,
    fault: faults.add,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function accountOf(accounts: readonly Account[], request: IncomingMessage): Account | undefined {
  const { email, token } = request.headers;
  return accounts.find((account) => account.email === email && account.token === token);
}

function checkCredentials(accounts: readonly Account[]): void {
  const seen = new Map<string, Account>();
  for (const account of accounts) {
    const pair = JSON.stringify([account.email, account.token]);
    const other = seen.get(pair);
    if (other !== undefined) {
      throw new Error(`accounts ${other.conta} and ${account.conta} share e-mail and token`);
    }
    seen.set(pair, account);
  }
}

function splitUrl(url: string): { path: string; query: URLSearchParams } {
  const { pathname, searchParams } = new URL(url, "http://localhost");
  // Outside of the base the whole address is the path, after a mark that no object's path has.
  const inside = pathname.startsWith(`${BASE_PATH}/`);
  return { path: inside ? pathname.slice(BASE_PATH.length) : `//${pathname}`, query: searchParams };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, answer: Answer, wire: Strike["wire"]): void {
  if (wire === "reset") {
    response.socket?.resetAndDestroy();
    return;
  }
  const body = bodyBytes(answer);
  const length = answer.status === 204 ? {} : { "content-length": `${body.length}` };
  response.writeHead(answer.status, { ...answer.headers, ...length });
  if (wire === "whole") {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy());
}
