import { styleText } from "node:util";
import type { ScanResult } from "../extract/events.ts";
import { alertText } from "./alerts/alert-events.ts";
import { driftText } from "./drift/drift-text.ts";
import type { RunEvent, StaleSource } from "./events.ts";
import { namesText, staleText } from "./freshness/age-text.ts";
import { moveText, releasedText } from "./guardrail/held-kpi.ts";
import { formatTestResult } from "./models/test-failure.ts";
import { workerText } from "./worker/worker-events.ts";

/** What stands on the last line of a terminal while work goes on; empty clears it. */
export type StatusLine = string;

/** The line that an event leaves on a terminal, mostly of 80 columns; undefined when it leaves none. */
export function formatEvent(event: RunEvent): string | undefined {
  switch (event.type) {
    case "object-finished": {
      // Never asked for: one sentence at the end tells of all of them.
      if (event.pages === 0 && event.ms === 0) return undefined;
      const name = event.object.padEnd(19);
      if (event.verdict === "failed") return `${styleText("red", "✗")} ${name} ${event.reason}`;
      const mark = event.verdict === "proven" ? styleText("green", "✓") : styleText("yellow", "!");
      const counts = [
        plural(event.records, "record").padStart(15),
        `${count(event.newVersions)} new`.padStart(12),
        plural(event.pages, "page").padStart(10),
        seconds(event.ms).padStart(8),
      ].join("");
      const line = `${mark} ${name}${counts}  ${event.mode}${besides(event)}`;
      return event.reason === undefined ? line : `${line}\n  ${event.reason}`;
    }
    case "request-retried":
      return styleText(
        "yellow",
        `  ${event.reason} Trying again in ${seconds(event.ms)} (attempt ${event.attempt + 1}).`,
      );
    case "page-size-halved":
      return styleText(
        "yellow",
        `  ${event.object} took too long to answer: pages of ${event.pageSize} records from now on.`,
      );
    case "pass-repeated":
      return styleText(
        "yellow",
        `  ${event.object} changed while it was read (${count(event.distinct)} of ${count(event.total)}): reading it again.`,
      );
    case "drift-found":
      return styleText(
        "yellow",
        `  ${event.object}: ${driftText(event.drift)}. See: npm run elt -- drift`,
      );
    case "model-built": {
      const { changes } = event;
      if (event.mode === "view") {
        return `${styleText("green", "✓")} ${event.model.padEnd(36)}${"defined anew".padStart(14)}`;
      }
      if (changes === undefined || changes.added + changes.changed + changes.removed === 0) {
        return undefined;
      }
      const rows = plural(changes.total, "row").padStart(16);
      const written = differences(changes.added, changes.changed, changes.removed).padStart(20);
      return `${styleText("green", "✓")} ${event.model.padEnd(34)}${rows}${written}${seconds(event.ms).padStart(8)}`;
    }
    case "test-failed": {
      // Its rows and its place follow, when the failure is told.
      if (event.severity === "error")
        return `${styleText("red", "✗")} ${event.model} ${event.test}`;
      return `${styleText("yellow", "!")} warning: ${formatTestResult(event)}`;
    }
    case "kpi-held":
      // What is held and what to do about it follow, when the failure is told.
      return `${styleText("red", "✗")} ${moveText(event)}`;
    case "kpi-released":
      return releasedText(event);
    case "lock-wait":
      return `Waiting for ${event.holder} to finish its ${event.lock}.`;
    case "warning":
      return styleText("yellow", event.message);
    case "source-stale":
      return staleLine(event);
    case "alert-sent":
      return alertText(event);
    case "worker-started":
    case "worker-waits":
    case "turn-began":
    case "turn-held-up":
    case "database-away":
    case "database-back":
      return workerText(event);
    case "published": {
      const { added, changed, removed } = event.changes;
      return `Published (${event.publicationId}): ${differences(added, changed, removed)} in marts.`;
    }
    case "object-started":
    case "page-landed":
    case "page-compared":
    case "budget-wait":
      return undefined;
  }
}

function staleLine(event: StaleSource): string {
  const { conta, object, level, withholds, feeds } = event;
  const consequence = withholds
    ? `${namesText(feeds)} stay as published`
    : `what it feeds may be out of date, ${namesText(feeds)}`;
  const [mark, style] = level === "error" ? (["✗", "red"] as const) : (["!", "yellow"] as const);
  return `${styleText(style, mark)} ${object} of ${conta} was ${staleText(event)}: ${consequence}.`;
}

/** The status line after an event; undefined leaves it as it is. */
export function statusOf(event: RunEvent): StatusLine | undefined {
  switch (event.type) {
    case "object-started":
      return `  ${event.object}: ${event.mode}${event.since === null ? "" : ` since ${event.since}`}${goingOn(event.resumed)}…`;
    case "page-landed":
    case "page-compared": {
      const left = event.etaMs === undefined ? "" : `, about ${seconds(event.etaMs)} left`;
      const budget = `${plural(event.budgetLeft, "request")} left in the window`;
      return `  ${event.object}: page ${event.done} of ${event.pages}, ${count(event.records)} records${left}; ${budget}`;
    }
    case "model-built":
      return `  ${event.model} built`;
    case "budget-wait":
      return `  ${event.object}: the request budget has room again in ${seconds(event.ms)}`;
    case "published":
    case "object-finished":
      return "";
    default:
      return undefined;
  }
}

/** What a scan did besides bringing records. */
function besides({ quarantined, removed, returned }: ScanResult): string {
  const parts = [
    quarantined > 0 ? `${count(quarantined)} in quarantine` : "",
    removed > 0 ? `${count(removed)} removed` : "",
    returned > 0 ? `${count(returned)} back` : "",
  ];
  return parts.map((part) => (part === "" ? "" : `, ${part}`)).join("");
}

function goingOn(resumed: { readonly unread: number; readonly total: number } | null): string {
  if (resumed === null) return "";
  return `, going on with ${count(resumed.unread)} of ${count(resumed.total)} records unread`;
}

function differences(added: number, changed: number, removed: number): string {
  if (added + changed + removed === 0) return "no changes";
  const parts = [
    added > 0 ? `+${count(added)}` : "",
    changed > 0 ? `~${count(changed)}` : "",
    removed > 0 ? `−${count(removed)}` : "",
  ];
  return parts.filter((part) => part !== "").join(" ");
}

function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function seconds(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}
