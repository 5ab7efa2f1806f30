import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import type { RunEvent } from "../../runner/events.ts";
import { createReporter } from "../../runner/reporter.ts";
import { invocationHere } from "./run-here.ts";

const page = {
  type: "page-landed",
  object: "reservas_condicoes",
  records: 12_000,
  newVersions: 12_000,
  done: 24,
  pages: 26,
  etaMs: 900,
  budgetLeft: 19,
} as const;

function shownAt(columns: number | undefined): string {
  const written: unknown[] = [];
  const out = { isTTY: true, write: (content: unknown) => written.push(content) };
  const reporter = createReporter({
    out: columns === undefined ? out : { ...out, columns },
    err: out,
    json: false,
    now: () => new Date(),
  });
  reporter.event(page);
  return stripVTControlCharacters(written.join(""));
}

test("the status line is as long as one line of the terminal, which clears it again", () => {
  expect(shownAt(120)).toBe(
    "  reservas_condicoes: page 24 of 26, 12,000 records, about 0.9 s left; 19 requests left in the window",
  );
  expect(shownAt(80)).toHaveLength(79);
  expect(shownAt(80)).toMatch(/; 19 r.*…$/);
  // A terminal that does not tell how wide it is.
  expect(shownAt(0)).toBe(shownAt(120));
  expect(shownAt(undefined)).toBe(shownAt(120));
});

test("lines of the log carry the level that collectors of logs know", () => {
  const { invocation, written } = invocationHere({});
  const { reporter } = invocation;
  const finished = (verdict: "proven" | "unproven" | "failed"): RunEvent => ({
    ...{ type: "object-finished", object: "leads", verdict, mode: "full", records: 1, pages: 1 },
    ...{ newVersions: 0, quarantined: 0, removed: 0, returned: 0, ms: 1 },
  });
  reporter.event(finished("proven"));
  reporter.event(finished("unproven"));
  reporter.event(finished("failed"));
  reporter.event({ type: "budget-wait", object: "leads", ms: 10 });
  reporter.say("Serving");
  reporter.failure("The database was lost", 5);
  const levels = written.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).level);
  expect(levels).toEqual(["info", "warn", "error", "info", "info", "error"]);
});
