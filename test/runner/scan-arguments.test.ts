import { describe, expect, test } from "vitest";
import { everyPage, type ScanOptions } from "../../extract/scan-options.ts";
import { readScanOptions } from "../../runner/scan-arguments.ts";

/** 2026-03-01 23:30 in Brasília. */
const NOW = new Date("2026-03-02T02:30:00Z");

type Given = Readonly<Record<string, string | boolean>>;

function read(given: Given): { options: ScanOptions; problems: string[] } {
  const problems: string[] = [];
  return { options: readScanOptions(given, NOW, problems), problems };
}

describe("the options of an extraction", () => {
  test.each<[string, Given, Partial<ScanOptions>]>([
    ["none at all", {}, {}],
    ["everything again", { full: true }, { full: true }],
    ["a limit of pages", { "max-pages": "12" }, { maxPages: 12 }],
    ["the largest page", { "page-size": "500" }, { pageSize: 500 }],
    ["the smallest page", { "page-size": "1" }, { pageSize: 1 }],
    ["90 s", { "time-limit": "90s" }, { deadline: new Date("2026-03-02T02:31:30Z") }],
    ["30 m", { "time-limit": "30m" }, { deadline: new Date("2026-03-02T03:00:00Z") }],
    ["2 h", { "time-limit": "2h" }, { deadline: new Date("2026-03-02T04:30:00Z") }],
    ["a mass removal", { "allow-mass-removal": true }, { allowMassRemoval: true }],
    [
      "days of a backfill",
      { since: "2024-01-31", until: "2024-02-29" },
      { range: { since: "2024-01-31", until: "2024-02-29" } },
    ],
    [
      "times of a backfill",
      { since: "2024-01-31 08:00:00", until: "2024-01-31 08:00:00" },
      { range: { since: "2024-01-31 08:00:00", until: "2024-01-31 08:00:00" } },
    ],
    [
      "times without seconds",
      { since: "2024-01-31T08:00" },
      { range: { since: "2024-01-31 08:00:00", until: undefined } },
    ],
    [
      "an end alone, also in the future",
      { until: "2030-01-01" },
      { range: { since: undefined, until: "2030-01-01" } },
    ],
    [
      "one day, until a time of it",
      { since: "2024-01-31", until: "2024-01-31 08:00:00" },
      { range: { since: "2024-01-31", until: "2024-01-31 08:00:00" } },
    ],
    [
      "one day, from a time of it",
      { since: "2024-01-31 08:00:00", until: "2024-01-31" },
      { range: { since: "2024-01-31 08:00:00", until: "2024-01-31" } },
    ],
    [
      "today, as it is in Brasília",
      { since: "2026-03-01 23:30:00" },
      { range: { since: "2026-03-01 23:30:00", until: undefined } },
    ],
  ])("%s is read", (_, given, expected) => {
    expect(read(given)).toEqual({ options: { ...everyPage, ...expected }, problems: [] });
  });

  test.each<[Given, string]>([
    [{ "max-pages": "0" }, '--max-pages is "0": give a whole number above zero.'],
    [{ "max-pages": "-3" }, '--max-pages is "-3"'],
    [{ "max-pages": "1e3" }, '--max-pages is "1e3"'],
    [{ "page-size": "501" }, '--page-size is "501": give a whole number from 1 to 500.'],
    [{ "page-size": "" }, '--page-size is ""'],
    [{ "page-size": "10.5" }, '--page-size is "10.5"'],
    [{ "time-limit": "90" }, '--time-limit is "90": give a number and its unit, like 90s'],
    [{ "time-limit": "0m" }, '--time-limit is "0m"'],
    [{ "time-limit": "2d" }, '--time-limit is "2d"'],
    [{ since: "31/01/2024" }, '--since is "31/01/2024": give a day that exists'],
    [{ since: "2024-02-30" }, '--since is "2024-02-30": give a day that exists'],
    [{ until: "0000-00-00" }, '--until is "0000-00-00": give a day that exists'],
    [{ until: "2024-01-31 25:00:00" }, '--until is "2024-01-31 25:00:00"'],
    [{ since: "2026-03-02" }, "--since is 2026-03-02, which is still to come in Brasília"],
    [{ since: "2024-02-01", until: "2024-01-31" }, "--since is 2024-02-01, after --until"],
    [{ since: "2024-02-01 10:00:00", until: "2024-02-01 09:59:59" }, "after --until"],
    [{ since: "2024-02-01", full: true }, "--full reads everything"],
    [{ until: "2024-02-01", "allow-mass-removal": true }, "--allow-mass-removal has no use"],
  ])("%j is refused with a sentence", (given, sentence) => {
    const { problems } = read(given);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(sentence);
  });

  test("are all judged at once", () => {
    const given = { since: "x", until: "y", "max-pages": "z", "time-limit": "w", "page-size": "v" };
    expect(read(given).problems).toHaveLength(5);
  });
});
