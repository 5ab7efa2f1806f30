import { describe, expect, test } from "vitest";
import type { CvdwFault } from "../../extract/errors.ts";
import type { ScanResult } from "../../extract/events.ts";
import { credentialsRefused, shouldGiveUp } from "../../extract/give-up.ts";

const counts = { mode: "full", records: 0, newVersions: 0, quarantined: 0, ms: 0 } as const;

function failed(object: string, fault: CvdwFault): ScanResult {
  return { ...counts, object, verdict: "failed", fault, pages: 0, removed: 0, returned: 0 };
}

function ended(object: string, verdict: ScanResult["verdict"], pages = 1): ScanResult {
  return { ...counts, object, verdict, pages, removed: 0, returned: 0 };
}

describe("the source is asked on", () => {
  test.each<[string, readonly ScanResult[]]>([
    ["before anything was asked", []],
    ["after one object was refused", [failed("leads", "unauthorized")]],
    ["after one object got no answer", [failed("leads", "network")]],
    [
      "when one of three refused objects was read before",
      [
        ended("reservas", "proven"),
        failed("leads", "unauthorized"),
        failed("pessoas", "unauthorized"),
      ],
    ],
    [
      "when a limit stopped a scan that had begun",
      [
        ended("reservas", "stopped"),
        failed("leads", "unauthorized"),
        failed("pessoas", "unauthorized"),
      ],
    ],
    [
      "when one object was refused and another failed in its own way",
      [failed("leads", "unauthorized"), failed("pessoas", "unknown-path")],
    ],
    ["when the server fails", [failed("leads", "server"), failed("pessoas", "server")]],
  ])("%s", (_, results) => {
    expect(shouldGiveUp(results, false)).toBeUndefined();
    expect(shouldGiveUp(results, true)).toBeUndefined();
  });

  test("when two objects got no answer though something was answered", () => {
    const results = [failed("leads", "network"), failed("pessoas", "timeout")];
    expect(shouldGiveUp(results, true)).toBeUndefined();
  });
});

describe("the source is given up", () => {
  test.each<[string, readonly ScanResult[], CvdwFault]>([
    [
      "when it refuses the credentials for two objects",
      [failed("leads", "unauthorized"), failed("pessoas", "unauthorized")],
      "unauthorized",
    ],
    [
      "also when a path that does not exist was asked between them",
      [
        failed("leads", "unauthorized"),
        failed("x", "unknown-path"),
        failed("pessoas", "unauthorized"),
      ],
      "unauthorized",
    ],
    [
      "when the user may not read CVDW",
      [failed("leads", "forbidden"), failed("pessoas", "forbidden")],
      "forbidden",
    ],
    [
      "when it never answered",
      [failed("leads", "network"), failed("pessoas", "timeout")],
      "network",
    ],
  ])("%s, and the sentence names the two", (_, results, fault) => {
    const givenUp = shouldGiveUp(results, fault !== "network");
    expect(givenUp).toMatchObject({ fault });
    expect(givenUp?.reason).toMatch(/leads and pessoas/);
  });

  test("and stays given up while the others are written down as not tried", () => {
    const results = ["a", "b", "c"].map((object) => failed(object, "unauthorized"));
    expect(shouldGiveUp(results, true)?.reason).toContain("a and b (401)");
  });
});

test.each<[boolean, readonly ScanResult[]]>([
  [true, [failed("leads", "unauthorized")]],
  [true, [failed("leads", "unauthorized"), failed("x", "unknown-path")]],
  [true, [failed("leads", "unauthorized"), ended("pessoas", "stopped", 0)]],
  [false, []],
  [false, [failed("x", "unknown-path")]],
  [false, [failed("leads", "unauthorized"), ended("pessoas", "proven")]],
  [false, [failed("leads", "unauthorized"), failed("pessoas", "server")]],
])("credentials count as refused (%s) by what was answered", (expected, results) => {
  expect(credentialsRefused(results)).toBe(expected);
});
