import type { CvdwFault } from "./errors.ts";
import type { FieldDrift } from "./record-fields.ts";

/** What extraction tells while it runs; the terminal, the JSON log and tests consume it. */
export type ExtractEvent =
  | {
      readonly type: "object-started";
      readonly object: string;
      readonly mode: "full" | "incremental" | "backfill";
      readonly since: string | null;
      /** Where an earlier run left this scan; null for a new one. */
      readonly resumed: { readonly unread: number; readonly total: number } | null;
    }
  | {
      readonly type: "page-landed";
      readonly object: string;
      /** Pages of this pass that are landed, and how many it has. */
      readonly done: number;
      readonly pages: number;
      readonly records: number;
      readonly newVersions: number;
      /** Milliseconds until the pass ends at the pace so far; undefined on the first page. */
      readonly etaMs: number | undefined;
      /** Requests that the account's window has room for. */
      readonly budgetLeft: number;
    }
  | { readonly type: "budget-wait"; readonly object: string; readonly ms: number }
  | {
      readonly type: "request-retried";
      readonly object: string;
      readonly page: number;
      readonly attempt: number;
      readonly ms: number;
      readonly reason: string;
    }
  | { readonly type: "page-size-halved"; readonly object: string; readonly pageSize: number }
  | {
      readonly type: "pass-repeated";
      readonly object: string;
      readonly total: number;
      readonly distinct: number;
    }
  | { readonly type: "drift-found"; readonly object: string; readonly drift: readonly FieldDrift[] }
  | ({ readonly type: "object-finished" } & ScanResult);

/** How the scan of one object ended. */
export type ScanResult = {
  readonly object: string;
  /** `stopped` by a limit: the next run goes on from there. */
  readonly verdict: "proven" | "unproven" | "failed" | "stopped";
  readonly mode: "full" | "incremental" | "backfill";
  /** Different records that the scan read. */
  readonly records: number;
  readonly newVersions: number;
  readonly pages: number;
  readonly ms: number;
  /** Records that stand in `elt.quarantine` instead of, or beside, their repaired form. */
  readonly quarantined: number;
  /** Records that the source no longer has, and those that are back. */
  readonly removed: number;
  readonly returned: number;
  /** Why it is not proven, or what a proven scan refused to do, as a sentence. */
  readonly reason?: string;
  /** What the source did, when the verdict is `failed`. */
  readonly fault?: CvdwFault;
};
