import type { ExtractEvent } from "../extract/events.ts";
import type { AlertEvent } from "./alerts/alert-events.ts";
import type { SourceAge } from "./freshness/source-ages.ts";
import type { HeldKpi } from "./guardrail/held-kpi.ts";
import type { ClosedHold } from "./guardrail/hold-record.ts";
import type { RowChanges } from "./models/table-diff.ts";
import type { TestResult } from "./models/test-failure.ts";
import type { WorkerEvent } from "./worker/worker-events.ts";

/** Everything a run can tell. The terminal, the JSON log and the tests consume it. */
export type RunEvent = ExtractEvent | BuildEvent | AlertEvent | WorkerEvent | VerifyEvent;

/** What elt verify tells while it reads an object whole. */
export type VerifyEvent = {
  readonly type: "page-compared";
  readonly object: string;
  /** Pages of this pass that are compared, and how many it has. */
  readonly done: number;
  readonly pages: number;
  readonly records: number;
  /** Milliseconds until the pass ends at the pace so far; undefined on the first page. */
  readonly etaMs: number | undefined;
  /** Requests that the account's window has room for. */
  readonly budgetLeft: number;
};

/** What building and publishing tells while it runs. */
export type BuildEvent =
  | { readonly type: "lock-wait"; readonly lock: string; readonly holder: string }
  | { readonly type: "warning"; readonly message: string }
  | ({ readonly type: "source-stale" } & StaleSource)
  | ({ readonly type: "model-built" } & ModelResult)
  | ({ readonly type: "test-failed" } & TestResult)
  /** It keeps the build from being published; `since` is the run to accept. */
  | ({ readonly type: "kpi-held"; readonly since: string } & HeldKpi)
  | ({ readonly type: "kpi-released" } & ClosedHold)
  | { readonly type: "published"; readonly publicationId: string; readonly changes: RowChanges };

/** A source that was read longer ago than a model declares. */
export type StaleSource = SourceAge & {
  readonly level: "warn" | "error";
  /** What it feeds stays as it was published. */
  readonly withholds: boolean;
};

/** How a model was built; a view has no rows of its own. */
export type ModelResult = {
  readonly model: string;
  readonly build: "table" | "view" | "seed";
  /** How much of it was computed. */
  readonly mode: "first" | "whole" | "incremental" | "unchanged" | "view" | "seed";
  /** Why it was computed whole, or for how many keys. */
  readonly because?: string;
  readonly changes: RowChanges | undefined;
  readonly ms: number;
};
