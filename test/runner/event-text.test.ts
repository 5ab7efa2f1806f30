import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { formatEvent } from "../../runner/event-text.ts";
import type { RunEvent } from "../../runner/events.ts";

const lineOf = (event: RunEvent) => stripVTControlCharacters(formatEvent(event) ?? "");

describe("what a build leaves on a terminal", () => {
  const view = { model: "marts.vw_vso_mensal", build: "view", changes: undefined, ms: 0 } as const;

  test("names a view whose definition changed, which no count of rows would tell", () => {
    expect(lineOf({ type: "model-built", ...view, mode: "view" })).toMatch(
      /^✓ marts\.vw_vso_mensal +defined anew$/,
    );
    expect(lineOf({ type: "model-built", ...view, mode: "unchanged" })).toBe("");
  });

  test("calls a warning one, so that nobody looks for what it stopped", () => {
    const warning = {
      model: "marts.condicoes",
      test: "check(valor >= 0)",
      severity: "warn",
    } as const;
    expect(lineOf({ type: "test-failed", ...warning, failures: 2, sample: [{ conta: "a" }] })).toBe(
      '! warning: marts.condicoes: 2 rows fail check(valor >= 0)\n    {"conta":"a"}',
    );
  });
});
