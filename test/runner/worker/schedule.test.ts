import { afterEach, describe, expect, test } from "vitest";
import { readSchedule, type Schedule } from "../../../runner/worker/schedule.ts";

type Texts = { readonly SYNC_CRON?: string; readonly SYNC_HOURS?: string };

function read({ SYNC_CRON, SYNC_HOURS }: Texts): {
  readonly schedule: Schedule | undefined;
  readonly problems: readonly string[];
} {
  const problems: string[] = [];
  return { schedule: readSchedule({ SYNC_CRON, SYNC_HOURS }, problems), problems };
}

/** The turns of some hours after an instant, by Brasília's clock: `31 06:00`. */
function turns(texts: Texts, from: string, hours: number): readonly string[] {
  const { schedule, problems } = read(texts);
  if (schedule === undefined) throw new Error(problems.join());
  const end = new Date(from).getTime() + hours * 3_600_000;
  const found: string[] = [];
  for (let at = schedule.next(new Date(from)); at.getTime() <= end; at = schedule.next(at)) {
    // Brasília has had one offset since 2019.
    found.push(new Date(at.getTime() - 3 * 3_600_000).toISOString().slice(8, 16).replace("T", " "));
  }
  return found;
}

const zone = process.env.TZ;
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

const MIDNIGHT = "2026-10-31T03:00:00Z";

describe("the schedule", () => {
  test("is every four hours from six to ten in the evening when nothing is said", () => {
    expect(turns({}, MIDNIGHT, 24)).toEqual([
      "31 06:00",
      "31 10:00",
      "31 14:00",
      "31 18:00",
      "31 22:00",
    ]);
  });

  // Clocks go back there on 1 November 2026, on 4 October 2026 half an hour forward, or never.
  test.each(["America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu"])(
    "follows Brasília's clock on a machine in %s, whatever clocks do there",
    (host) => {
      process.env.TZ = host;
      const day = ["06:00", "10:00", "14:00", "18:00", "22:00"];
      expect(turns({}, MIDNIGHT, 48)).toEqual([
        ...day.map((time) => `31 ${time}`),
        ...day.map((time) => `01 ${time}`),
      ]);
      expect(turns({}, "2026-10-03T03:00:00Z", 48)).toEqual([
        ...day.map((time) => `03 ${time}`),
        ...day.map((time) => `04 ${time}`),
      ]);
    },
  );

  test("takes a cron of its own, but keeps to the hours, both ends included", () => {
    expect(turns({ SYNC_CRON: "*/30 * * * *", SYNC_HOURS: "21-22" }, MIDNIGHT, 24)).toEqual([
      "31 21:00",
      "31 21:30",
      "31 22:00",
    ]);
  });

  test("knows weekdays: 31 October 2026 is a Saturday", () => {
    expect(turns({ SYNC_CRON: "0 8 * * 1-5" }, MIDNIGHT, 72)).toEqual(["02 08:00"]);
  });

  test.each([
    ["0-24", 6],
    ["20-4", 3],
    ["6-6", 1],
    ["7-23", 5],
  ])("has turns every four hours within %s", (SYNC_HOURS, count) => {
    expect(turns({ SYNC_HOURS }, MIDNIGHT, 24)).toHaveLength(count);
  });

  test("of a night goes on after midnight", () => {
    expect(turns({ SYNC_HOURS: "20-4" }, "2026-10-31T15:00:00Z", 24)).toEqual([
      "31 20:00",
      "01 00:00",
      "01 04:00",
    ]);
  });

  test.each([
    [{ SYNC_CRON: "every hour" }, "which has 2 fields: give five, minute hour"],
    [{ SYNC_CRON: "daily" }, "which has 1 field: give five"],
    [{ SYNC_CRON: "60 * * * *" }, "SYNC_CRON"],
    [{ SYNC_CRON: "* * * * * *" }, "which has 6 fields"],
    [{ SYNC_HOURS: "morning" }, "SYNC_HOURS"],
    [{ SYNC_HOURS: "6-25" }, "SYNC_HOURS"],
    [{ SYNC_CRON: "0 3 * * *" }, "no run would ever begin"],
    [{ SYNC_CRON: "0 12 31 2 *" }, "no run would ever begin"],
  ])("refuses %j with a sentence", (texts, complaint) => {
    const { schedule, problems } = read(texts);
    expect(schedule).toBeUndefined();
    expect(problems).toEqual([expect.stringContaining(complaint)]);
  });
});
