import type { RunEvent } from "./events.ts";

/** How much an event matters, by the names that collectors of logs know. */
export type Level = "info" | "warn" | "error";

/** `error`: somebody must act, or something was not done; `warn`: something to look at. */
export function levelOf(event: RunEvent): Level {
  switch (event.type) {
    case "object-finished":
      if (event.verdict === "failed") return "error";
      return event.verdict === "unproven" || event.reason !== undefined ? "warn" : "info";
    case "test-failed":
      return event.severity === "error" ? "error" : "warn";
    case "source-stale":
      return event.level === "error" ? "error" : "warn";
    case "kpi-held":
    case "database-away":
      return "error";
    case "warning":
    case "request-retried":
    case "page-size-halved":
    case "pass-repeated":
    case "drift-found":
    case "turn-held-up":
      return "warn";
    default:
      return "info";
  }
}
