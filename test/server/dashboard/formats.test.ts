import { describe, expect, test } from "vitest";
import {
  formatAge,
  formatCount,
  formatDay,
  formatExactMoney,
  formatInstant,
  formatMoney,
  formatPercent,
  formatRoundMoney,
  formatRoundPercent,
  shortMonth,
} from "../../../server/dashboard/formats.ts";

/** With plain blanks, so that one can read them. */
function plain(text: string): string {
  return text.replaceAll(/[\u00a0\u202f]/g, " ");
}

describe("a Brazilian reader sees", () => {
  test("money in thousands, millions and billions, with one decimal", () => {
    const written = [3_425_000, 787_640, 1_102_000_000, 999.4, 0, -1_500].map(formatMoney);
    expect(written.map(plain)).toEqual([
      "R$ 3,4 mi",
      "R$ 787,6 mil",
      "R$ 1,1 bi",
      "R$ 999",
      "R$ 0",
      "-R$ 1,5 mil",
    ]);
  });

  test("the steps of an axis without needless decimals", () => {
    expect([0, 250_000, 2_500_000, 40_000_000].map(formatRoundMoney).map(plain)).toEqual([
      "R$ 0",
      "R$ 250 mil",
      "R$ 2,5 mi",
      "R$ 40 mi",
    ]);
    expect([0, 0.5, 12].map(formatRoundPercent).map(plain)).toEqual(["0 %", "0,5 %", "12 %"]);
  });

  test("counts, percentages and exact money", () => {
    expect(formatCount(1234)).toBe("1.234");
    expect(plain(formatPercent(12.5))).toBe("12,5 %");
    expect(plain(formatExactMoney(3_425_000))).toBe("R$ 3.425.000,00");
  });

  test("days, months and Brasília's clock", () => {
    expect(formatDay("2026-11-23")).toBe("23 de novembro");
    expect(formatInstant(new Date("2026-11-24T01:05:00Z"))).toBe("23/11/2026, 22:05");
    expect([1, 3, 12].map(shortMonth)).toEqual(["jan", "mar", "dez"]);
  });

  test("how long ago it was, in the largest unit", () => {
    const now = new Date("2026-11-23T12:00:00Z");
    const ago = (minutes: number) => formatAge(new Date(now.getTime() - minutes * 60_000), now);
    expect([-5, 0.5, 1, 12, 60, 47 * 60, 72 * 60].map(ago)).toEqual([
      "agora há pouco",
      "agora há pouco",
      "há 1 minuto",
      "há 12 minutos",
      "há 1 hora",
      "há 47 horas",
      "há 3 dias",
    ]);
  });
});
