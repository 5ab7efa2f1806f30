import { describe, expect, test } from "vitest";
import type { ScanResult } from "../../extract/events.ts";
import { reportExtraction } from "../../runner/extraction-report.ts";
import { createReporter } from "../../runner/reporter.ts";

function result(object: string, ending: Partial<ScanResult> = {}): ScanResult {
  return {
    ...{ object, verdict: "proven", mode: "full", records: 1, newVersions: 1, quarantined: 0 },
    ...{ removed: 0, returned: 0, pages: 1, ms: 1 },
    ...ending,
  };
}

function failed(object: string, fault: ScanResult["fault"], reason: string): ScanResult {
  return result(object, { verdict: "failed", ...(fault && { fault }), reason, pages: 0 });
}

/** What a person at a terminal sees after an extraction, and the exit code. */
function report(...results: ScanResult[]): { out: string; err: string; exitCode: number } {
  const texts = { out: "", err: "" };
  const terminal = (name: "out" | "err") => ({
    isTTY: name === "out",
    write: (text: string) => {
      texts[name] += text;
    },
  });
  const reporter = createReporter({
    ...{ out: terminal("out"), err: terminal("err"), json: false, now: () => new Date(0) },
  });
  const { exitCode } = reportExtraction(results, reporter);
  return { ...texts, exitCode };
}

describe("after an extraction", () => {
  test("that read everything there is nothing to say", () => {
    expect(report(result("leads"))).toEqual({ out: "", err: "", exitCode: 0 });
  });

  test("one failed object is told with its reason, exit 3", () => {
    const reason = "leads, page 1: CVDW answered 401. The user has no permission for leads.";
    expect(report(result("reservas"), failed("leads", "unauthorized", reason))).toEqual({
      out: "",
      err: `1 of 2 objects did not arrive whole (leads). ${reason}\n`,
      exitCode: 3,
    });
  });

  test("where no path exists at all the address is what to look at", () => {
    const reason = "The path /a does not exist in this account's CVDW.";
    const nowhere = [failed("a", "unknown-path", reason), failed("b", "unknown-path", reason)];
    expect(report(...nowhere).err).toContain("check CVCRM_API_URL");
    expect(report(...nowhere, result("c")).err).not.toContain("CVCRM_API_URL");
    expect(report(...nowhere.slice(1)).err).not.toContain("CVCRM_API_URL");
  });

  test("objects that failed in the same way share a reason, others have their own line", () => {
    const { err, exitCode } = report(
      failed("a", "unauthorized", "No permission for a."),
      result("b", { verdict: "unproven", reason: "b: counts disagree." }),
      failed("c", "unauthorized", "No permission for c."),
      result("d", { verdict: "unproven", reason: "d: counts disagree." }),
    );
    expect(exitCode).toBe(3);
    expect(err.split("\n")).toEqual([
      "4 of 4 objects did not arrive whole (a, b, c, d).",
      "No permission for a. The same for c.",
      "b: counts disagree.",
      "d: counts disagree.",
      "",
    ]);
  });

  test("what a limit left is told, and is no failure", () => {
    const { out, err, exitCode } = report(
      result("a"),
      result("b", { verdict: "stopped", reason: "b: 500 records unread." }),
      result("c", { verdict: "stopped", pages: 0 }),
      result("d", { verdict: "stopped", pages: 0 }),
    );
    expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
    expect(out).toContain(
      "A limit was reached with 3 of 4 objects not read to the end (b in the middle, 2 not begun). The next run goes on from there",
    );
  });

  test("a removal that was refused needs a person: on stderr, exit 3", () => {
    const reason = "leads: 30 of its 100 records were missing. Nothing was removed.";
    expect(report(result("leads", { reason }))).toEqual({
      ...{ out: "", err: `${reason}\n`, exitCode: 3 },
    });
  });
});
