import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  brasiliaWallClock,
  formatWallClock,
  minutesBefore,
  parseWallClock,
} from "../../extract/wall-clock.ts";

describe("the wall clock of Brasília", () => {
  test("reads back what it writes", () => {
    const noInvalidDate = { min: new Date("0001-01-02"), max: new Date("9999-12-30") };
    fc.assert(
      fc.property(fc.date({ ...noInvalidDate, noInvalidDate: true }), (date) => {
        const text = date.toISOString().slice(0, 19).replace("T", " ");
        const at = parseWallClock(text);
        expect(at === undefined ? undefined : formatWallClock(at)).toBe(text);
      }),
    );
  });

  test.each(["", "0000-00-00", "0000-00-00 00:00:00", "2026-02-30", "2026-13-01", "31/12/2026"])(
    "does not take %j for a date",
    (text) => {
      expect(parseWallClock(text)).toBeUndefined();
    },
  );

  test("is three hours behind UTC", () => {
    expect(formatWallClock(brasiliaWallClock(new Date("2026-08-01T02:00:00Z")))).toBe(
      "2026-07-31 23:00:00",
    );
  });

  test("goes back over midnight", () => {
    const at = parseWallClock("2026-08-01 00:30:00") ?? 0n;
    expect(formatWallClock(minutesBefore(at, 60))).toBe("2026-07-31 23:30:00");
  });
});
