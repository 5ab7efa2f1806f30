import type { CutReason } from "./send-body.ts";

/** Everything the server tells while it runs. */
export type ServerEvent =
  | {
      readonly type: "answered";
      readonly method: string;
      /** Without its query. */
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
      return `${event.status} ${event.method} ${event.path} ${event.ms} ms${event.key === undefined ? "" : ` (${event.key})`}`;
    case "published":
      return `Serving publication ${event.publicationId}`;
    case "export-cut":
      return `Gave up an export of ${event.relation}: ${cutReasons[event.reason]}`;
    case "listener-lost":
      return `Lost the connection that hears of publications, connecting again: ${event.message}`;
    case "unexpected-error":
      return event.error instanceof Error
        ? (event.error.stack ?? event.error.message)
        : String(event.error);
  }
}
