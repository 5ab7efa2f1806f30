import { DatabaseError } from "pg";
import { type LogLevel, logLevels } from "../runner/limits.ts";
import type { CutReason } from "./send-body.ts";

/** Everything the server tells while it runs. */
export type ServerEvent =
  | {
      readonly type: "answered";
      readonly method: string;
      /** One of this server's, without its query. */
      readonly path: string;
      readonly status: number;
      readonly ms: number;
      /** Name of the key that asked; absent when none was needed. */
      readonly key?: string;
    }
  | { readonly type: "published"; readonly publicationId: string }
  | {
      readonly type: "export-cut";
      readonly relation: string;
      readonly reason: CutReason;
    }
  | { readonly type: "listener-lost"; readonly message: string }
  | { readonly type: "unexpected-error"; readonly error: unknown };

export type ServerLog = (event: ServerEvent) => void;

const cutReasons: Readonly<Record<CutReason, string>> = {
  "caller-gone": "the caller closed the connection",
  "caller-stalled": "the caller took nothing more",
  "too-long": "the caller was not done within SERVER_EXPORT_SECONDS",
};

/** One line for an engineer's terminal. */
export function describeServerEvent(event: ServerEvent): string {
  switch (event.type) {
    case "answered":
      return `${event.status} ${event.method} ${event.path} ${Math.round(event.ms)} ms${event.key === undefined ? "" : ` (${event.key})`}`;
    case "published":
      return `Serving publication ${event.publicationId}`;
    case "export-cut":
      return `Gave up an export of ${event.relation}: ${cutReasons[event.reason]}`;
    case "listener-lost":
      return `Lost the connection that hears of publications, connecting again: ${event.message}`;
    case "unexpected-error":
      return describeBug(event.error);
  }
}

/** Whether an event is worth a line at a level. */
export function isWritten(event: ServerEvent, level: LogLevel): boolean {
  return logLevels.indexOf(levelOf(event)) <= logLevels.indexOf(level);
}

function levelOf(event: ServerEvent): LogLevel {
  switch (event.type) {
    case "answered":
    case "published":
      return "info";
    case "export-cut":
    case "listener-lost":
      return "warn";
    case "unexpected-error":
      return "error";
  }
}

/**
 * The stack. Where PostgreSQL's messages quote values and not names (any class but 42), they are
 * left out: a value may be a client's name.
 */
function describeBug(error: unknown): string {
  if (!(error instanceof Error)) return "Something was thrown that is no error";
  if (!(error instanceof DatabaseError)) return error.stack ?? error.message;
  if (error.code?.startsWith("42") === true) return error.stack ?? error.message;
  const message = error.message.replaceAll(/"[^"]*"|'[^']*'/g, "…");
  const calls = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return [`PostgreSQL ${error.code} (${error.routine}): ${message}`, ...calls].join("\n");
}
