import { expect, test } from "vitest";
import type { RunEvent } from "../../runner/events.ts";
import { invocationHere } from "./run-here.ts";

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
