import { createRandom, mix } from "../random.ts";
import { dayNumber, dayText } from "../wall-clock.ts";

const YEARS = 4;
/** How much is sold in each month of a year. */
const season = [0.8, 0.85, 1.05, 0.95, 1.1, 1.05, 0.95, 1, 1.05, 1.1, 1.25, 0.9];

/** Spreads an account's history over its years. */
export type Calendar = {
  /** Wall-clock second at a share of the history, in [0, 1). Never falls as the share grows. */
  readonly at: (share: number) => number;
  /** The account's today, as a day number. */
  readonly hoje: number;
};

/** Four years up to the start of `hoje`: seasonal, growing, uneven, between 8 and 20 o'clock. */
export function createCalendar(seed: number, hoje: number): Calendar {
  const [year = 0, month = 0] = dayText(hoje).split("-").map(Number);
  const starts: number[] = [];
  const sums: number[] = [0];
  const random = createRandom(mix(seed, 0xca1e));
  const months = YEARS * 12 + 1;
  for (let m = 0; m < months; m++) {
    const shifted = month - 1 - (months - 1) + m;
    const first = firstOfMonth(year, shifted);
    const next = Math.min(firstOfMonth(year, shifted + 1), hoje);
    starts.push(first);
    const growth = 0.7 + (0.6 * m) / months;
    const noise = 0.85 + 0.3 * random.unit();
    const days = next - first;
    const weight = ((season[((shifted % 12) + 12) % 12] ?? 1) * growth * noise * days) / 30;
    sums.push((sums[m] ?? 0) + weight);
  }
  starts.push(hoje);
  const total = sums[months] ?? 1;
  return {
    hoje,
    at: (share) => {
      const target = share * total;
      let m = 0;
      let high = months - 1;
      while (m < high) {
        const middle = (m + high) >>> 1;
        if ((sums[middle + 1] ?? 0) > target) high = middle;
        else m = middle + 1;
      }
      const from = sums[m] ?? 0;
      const inside = (target - from) / ((sums[m + 1] ?? 1) - from || 1);
      const first = starts[m] ?? hoje;
      const days = (starts[m + 1] ?? hoje) - first;
      const exact = Math.min(Math.max(inside, 0), 1) * days;
      const day = Math.min(Math.floor(exact), Math.max(days - 1, 0));
      const second = Math.floor(Math.min(exact - day, 0.999_99) * 12 * 3_600);
      return (first + day) * 86_400 + 8 * 3_600 + second;
    },
  };
}

function firstOfMonth(year: number, month: number): number {
  const y = year + Math.floor(month / 12);
  const m = ((month % 12) + 12) % 12;
  return dayNumber(`${y}-${`${m + 1}`.padStart(2, "0")}-01`);
}
