import type { CvdwFault } from "./errors.ts";

/** What extraction tells while it runs; the terminal, the JSON log and tests consume it. */
export type ExtractEvent =
  | {
      readonly type: "object-started";
      readonly object: string;
      readonly mode: "full" | "incremental";
      readonly since: string | null;
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
  | {
      readonly type: "pass-repeated";
      readonly object: string;
      readonly total: number;
      readonly distinct: number;
    }
  | ({ readonly type: "object-finished" } & ScanResult);

/** How the scan of one object ended. */
export type ScanResult = {
  readonly object: string;
  readonly verdict: "proven" | "unproven" | "failed";
  readonly mode: "full" | "incremental";
  readonly records: number;
  readonly newVersions: number;
  readonly pages: number;
  readonly ms: number;
  /** Why it is not proven, as a sentence. */
  readonly reason?: string;
  /** What the source did, when the verdict is `failed`. */
  readonly fault?: CvdwFault;
};
