import type { Market } from "./market.ts";
import type { Stories } from "./stories.ts";

/** What the generators of all objects of an account work from. */
export type World = { readonly market: Market; readonly stories: Stories };

/** How many rows each reservation of a block of ten has, dealt anew for every block. */
export type Pattern = { readonly counts: readonly number[]; readonly total: number };

/** A pattern of ten counts. */
export function createPattern(counts: readonly number[]): Pattern {
  return { counts, total: counts.reduce((sum, count) => sum + count, 0) };
}

/** The reservation and the number within it (0-based) of a row, and how many rows it has. */
export type Share = { readonly story: number; readonly nth: number; readonly of: number };

/** How many rows a pattern gives to so many reservations. */
export function patternCount(pattern: Pattern, reservas: number): number {
  const whole = Math.floor(reservas / 10);
  let count = whole * pattern.total;
  for (let nth = 0; nth < reservas % 10; nth++) count += countAt(pattern, whole, nth);
  return count;
}

/** Which reservation owns the row at a position. */
export function shareAt(pattern: Pattern, position: number): Share {
  const block = Math.floor(position / pattern.total);
  let left = position - block * pattern.total;
  let nth = 0;
  let of = countAt(pattern, block, nth);
  while (left >= of) {
    left -= of;
    nth += 1;
    of = countAt(pattern, block, nth);
  }
  return { story: block * 10 + nth, nth: left, of };
}

/** Turns the pattern by the block's number, so that no position in a block is always the same. */
function countAt(pattern: Pattern, block: number, nth: number): number {
  return pattern.counts[(nth + block * 7) % 10] ?? 0;
}
