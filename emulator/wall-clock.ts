/**
 * The source writes Brasília's wall clock without an offset. Inside the emulator a moment is
 * a number of seconds since 1970-01-01 00:00:00 of that clock, and a day a number of days.
 */
const DAY_SECONDS = 86_400;
const BRASILIA_OFFSET_SECONDS = 3 * 3_600;

const dayTexts = new Map<number, string>();

/** `YYYY-MM-DD` of a day number. */
export function dayText(day: number): string {
  let text = dayTexts.get(day);
  if (text === undefined) {
    text = new Date(day * DAY_SECONDS * 1_000).toISOString().slice(0, 10);
    dayTexts.set(day, text);
  }
  return text;
}

/** `DD/MM/YYYY` of a day number. */
export function brazilianDayText(day: number): string {
  const iso = dayText(day);
  return `${iso.slice(8)}/${iso.slice(5, 7)}/${iso.slice(0, 4)}`;
}

/** `YYYY-MM-DD HH:MM:SS` of a wall-clock second. */
export function momentText(second: number): string {
  const day = Math.floor(second / DAY_SECONDS);
  const rest = second - day * DAY_SECONDS;
  return `${dayText(day)} ${two(Math.floor(rest / 3_600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}`;
}

/** The day number of a `YYYY-MM-DD`, or of a `Date` as Brasília sees it. */
export function dayNumber(day: string | Date): number {
  if (typeof day !== "string") return Math.floor(wallClockSecond(day) / DAY_SECONDS);
  const milliseconds = Date.parse(`${day}T00:00:00Z`);
  if (!/^\d{4}-\d\d-\d\d$/.test(day) || Number.isNaN(milliseconds)) {
    throw new Error(`"${day}" is not a day written YYYY-MM-DD`);
  }
  return milliseconds / 1_000 / DAY_SECONDS;
}

/** The wall-clock second of an instant in Brasília. */
export function wallClockSecond(instant: Date): number {
  return Math.floor(instant.getTime() / 1_000) - BRASILIA_OFFSET_SECONDS;
}

/** `YYYY-MM-DD HH:MM:SS` of an instant, in Brasília. */
export function wallClockText(instant: Date): string {
  return momentText(wallClockSecond(instant));
}

function two(number: number): string {
  return number < 10 ? `0${number}` : `${number}`;
}
