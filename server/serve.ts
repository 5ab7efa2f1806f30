import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Pool } from "pg";
import { isLoopback, type ServerConfig } from "../runner/config.ts";
import { ConfigError } from "../runner/errors.ts";
import { createAnswerCache } from "./answer-cache.ts";
import { createApplication } from "./application.ts";
import { createDashboardMemory } from "./dashboard/read-dashboard.ts";
import { readForVisitors, warmDashboard } from "./dashboard/warm-dashboard.ts";
import { describeServerEvent, isWritten, type ServerEvent } from "./events.ts";
import { createExportSlots } from "./export-slots.ts";
import { hojeAt } from "./hoje.ts";
import { createKeyRing } from "./key-ring.ts";
import { listen } from "./listener.ts";
import { createCatalogueSource } from "./marts/catalogue.ts";
import { createMetrics } from "./metrics.ts";
import { watchPublication } from "./publication.ts";

export type ServerOptions = {
  /** Stays the caller's: close it after the server. One of its connections listens for publications. */
  readonly pool: Pool;
  readonly config: ServerConfig;
  /** Gets one line for each answer and each trouble. */
  readonly log: (sentence: string) => void;
  /** The clock of ages and of the day. */
  readonly now?: () => Date;
  /** An export whose caller takes nothing for as long is given up; half a minute by default. */
  readonly stallMs?: number;
  /** So often the database is asked, too, what is published and which keys there are. */
  readonly beatMs?: number;
  /** Reads the figures of the dashboard as soon as something is published, and not first for a visitor. */
  readonly warms?: true;
};

export type RunningServer = {
  /** Without a slash at the end. */
  readonly url: string;
  /** Stops accepting, finishes what is under way, closes the listening connection. */
  close(): Promise<void>;
};

/** Of the ten connections of the pool; one more listens. */
const exportCount = 4;
/** Longer than proxies keep an idle connection: who closes first never meets a request on its way. */
const keepAliveMs = 65_000;
/** A connection on which nothing moves for as long is closed. */
const silenceMs = 120_000;

/** Longer than any request may take: its queries end after 10 s. */
const closeTimeoutMs = 15_000;

/**
 * Serves the marts: dashboard, API, health. Starts also while the database is away.
 * @throws ConfigError when the address cannot be had (`code` is the system's), or is open to others
 *   without a key
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { pool, config, now = () => new Date() } = options;
  const log = (event: ServerEvent) => {
    metrics.observe(event);
    if (isWritten(event, config.logLevel ?? "info")) options.log(describeServerEvent(event));
  };
  const keys = createKeyRing(config.apiKeys, now);
  const watch = watchPublication(log);
  const catalogue = createCatalogueSource(pool, watch);
  const metrics = createMetrics(pool, catalogue, now);
  const listener = await listen(pool, [keys.topic, watch.topic], log, options.beatMs);
  if (!isLoopback(config.host) && !keys.asksForKeys()) {
    await listener.close();
    throw new ConfigError([
      `HOST is ${config.host}, which others can reach, and there is no key: make one (npm run elt -- keys create --name powerbi), set SERVER_API_KEYS, or HOST=127.0.0.1.`,
    ]);
  }
  const dashboard = createDashboardMemory();
  const server = createServer(
    createApplication({
      dashboard,
      pool,
      config,
      watch,
      keys,
      catalogue,
      answers: createAnswerCache(),
      metrics,
      exportSlots: createExportSlots(exportCount),
      stallMs: options.stallMs,
      log,
      now,
    }),
  );
  server.setTimeout(silenceMs);
  server.keepAliveTimeout = keepAliveMs;
  try {
    server.listen(config.port, config.host);
    await once(server, "listening");
  } catch (error) {
    await listener.close();
    throw explainListen(error, config);
  }
  const warmer =
    options.warms === undefined
      ? undefined
      : warmDashboard({
          watch,
          hoje: () => hojeAt(now()),
          make: () => readForVisitors(pool, dashboard, keys),
        });
  let closing: Promise<void> | undefined;
  // A kept-alive connection becomes idle, and may go, when its last answer is out.
  server.on("request", (_request, response) => {
    response.once("close", () => {
      if (closing !== undefined) server.closeIdleConnections();
    });
  });
  const close = async () => {
    const closed = once(server, "close");
    server.close();
    const deadline = setTimeout(() => server.closeAllConnections(), closeTimeoutMs);
    await closed;
    clearTimeout(deadline);
    await warmer?.close();
    await listener.close();
  };
  return {
    url: urlOf(config.host, server.address()),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function urlOf(host: string, address: AddressInfo | string | null): string {
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  return `http://${bare.includes(":") ? `[${bare}]` : bare}:${port}`;
}

function explainListen(error: unknown, { host, port }: ServerConfig): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const { code } = error;
  const problem = (sentence: string) =>
    Object.assign(new ConfigError([sentence], { cause: error }), { code });
  switch (code) {
    case "EADDRINUSE":
      return problem(
        `Port ${port} of ${host} is taken: set PORT to another, or stop the program that has it.`,
      );
    case "EACCES":
      return problem(`Port ${port} needs rights that this user lacks: set PORT to one above 1023.`);
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return problem(`HOST is ${host}, which is no address of this machine: correct it.`);
    default:
      return error;
  }
}
