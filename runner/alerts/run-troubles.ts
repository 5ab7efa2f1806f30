import type { ScanResult } from "../../extract/events.ts";
import { exitCodes } from "../command.ts";
import { failureOf } from "../failure.ts";
import { KpiHeld } from "../guardrail/held-kpi.ts";
import { ModelError } from "../models/problem.ts";
import { TestFailure } from "../models/test-failure.ts";
import type { Incident, Trouble } from "./incident.ts";

/** What is known of a run when it is over. */
export type RunEnd = {
  readonly conta: string;
  readonly runId: string | null;
  /** Undefined when the extraction did not come to its end. */
  readonly results: readonly ScanResult[] | undefined;
  readonly ending:
    | { readonly status: "published" }
    | { readonly status: "failed"; readonly error: unknown };
};

/** Troubles that were looked for: those found, and which of the known ones would be among them. */
export type Findings = {
  readonly found: readonly Trouble[];
  /** Whether a known trouble, when it is not found, is over; else nothing was learnt of it. */
  readonly isJudged: (trouble: Pick<Incident, "kind" | "conta" | "subject">) => boolean;
};

/** What a run's end tells of it, of the tests and of the source. */
export function troublesOfRun(end: RunEnd): Findings {
  const findings = [ofEnding(end), ...(end.results === undefined ? [] : [ofResults(end)])];
  return {
    found: findings.flatMap(({ found }) => found),
    isJudged: (trouble) => findings.some(({ isJudged }) => isJudged(trouble)),
  };
}

function ofEnding({ conta, runId, ending }: RunEnd): Findings {
  if (ending.status === "published") {
    return {
      found: [],
      isJudged: (trouble) =>
        trouble.kind === "tests-failing" ||
        (trouble.kind === "run-failed" && trouble.conta === conta),
    };
  }
  const { error } = ending;
  if (error instanceof TestFailure) {
    const found = error.results.map(({ model, test, failures, place = null }) => ({
      kind: "tests-failing" as const,
      conta: null,
      subject: `${model}: ${test}`,
      details: { model, test, failures, place },
    }));
    // The first tests that fail end the build: what comes after them was not looked at.
    const ran = new Set(error.all.map(({ model, test }) => `${model}: ${test}`));
    return {
      found,
      isJudged: ({ kind, subject }) => kind === "tests-failing" && ran.has(subject),
    };
  }
  if (error instanceof KpiHeld) {
    // The build has opened an incident of each KPI; it comes to its guards when every test passed.
    return { found: [], isJudged: ({ kind }) => kind === "tests-failing" };
  }
  const { exitCode } = failureOf(error);
  const nothing: Findings = { found: [], isJudged: () => false };
  if (exitCode === exitCodes.locked) return nothing;
  const places =
    error instanceof ModelError
      ? error.problems.map(({ file, position }) => `${file}:${position.line}`)
      : [];
  return {
    found: [{ kind: "run-failed", conta, subject: "", details: { exitCode, runId, places } }],
    isJudged: () => false,
  };
}

function ofResults({ conta, results = [] }: RunEnd): Findings {
  const unread = new Set(
    results.filter(({ verdict }) => verdict === "stopped").map(({ object }) => object),
  );
  return {
    found: results.flatMap((result) => troubleOfScan(conta, result)),
    // An object that is extracted no longer is judged, too: nothing is wrong with it.
    isJudged: (trouble) =>
      (trouble.kind === "object-failed" || trouble.kind === "mass-removal") &&
      trouble.conta === conta &&
      !unread.has(trouble.subject),
  };
}

function troubleOfScan(conta: string, scan: ScanResult): readonly Trouble[] {
  const { verdict, object: subject, fault = "unproven", reason } = scan;
  if (verdict === "failed" || verdict === "unproven") {
    return [{ kind: "object-failed", conta, subject, details: { fault } }];
  }
  const refused = verdict === "proven" && reason !== undefined;
  return refused ? [{ kind: "mass-removal", conta, subject, details: {} }] : [];
}
