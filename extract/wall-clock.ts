/**
 * CVDW writes instants as Brasília wall clock without an offset. Here they are microseconds since
 * 2000-01-01 of that wall clock: PostgreSQL's own binary form of `timestamp`.
 */
export type WallClock = bigint;

const EPOCH_2000 = Date.UTC(2000, 0, 1);
/** Brazil has had one offset since it gave up summer time in 2019. */
const BRASILIA_OFFSET_MS = 3 * 60 * 60 * 1000;
const SHAPE = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2}))?)?$/;

/** Reads `YYYY-MM-DD[ HH:MM[:SS]]`; undefined for zero dates and whatever is not a date. */
export function parseWallClock(text: string): WallClock | undefined {
  const match = SHAPE.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map((part) => (part === undefined ? 0 : Number(part)));
  if (year === 0 || hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  date.setUTCHours(hour, minute, second);
  return BigInt(date.getTime() - EPOCH_2000) * 1000n;
}

/** Writes `YYYY-MM-DD HH:MM:SS`, as CVDW and PostgreSQL read it. */
export function formatWallClock(at: WallClock): string {
  const ms = Number(at / 1000n) + EPOCH_2000;
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

/** The wall clock of Brasília at an instant. */
export function brasiliaWallClock(instant: Date): WallClock {
  return BigInt(instant.getTime() - BRASILIA_OFFSET_MS - EPOCH_2000) * 1000n;
}

/** That many minutes earlier. */
export function minutesBefore(at: WallClock, minutes: number): WallClock {
  return at - BigInt(minutes) * 60_000_000n;
}
