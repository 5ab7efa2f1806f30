import { Cron } from "croner";

/** When the worker runs, by the clock of Brasília, wherever its machine stands. */
export type Schedule = {
  /** Five fields of cron. */
  readonly cron: string;
  /** Hours of the day, as written: `6-22`. */
  readonly hours: string;
  /** The first turn after an instant. */
  readonly next: (after: Date) => Date;
  /** Whether a run may begin now. */
  readonly isOpen: (at: Date) => boolean;
};

const ZONE = "America/Sao_Paulo";
const DEFAULT_HOURS = "6-22";
/** Without a cron of its own, from the first hour on. */
const EVERY_HOURS = 4;
/** A cron of every minute has as many turns in a day. */
const TURNS_OF_A_DAY = 1_440;

const wallClock = new Intl.DateTimeFormat("en-GB", {
  timeZone: ZONE,
  hour: "2-digit",
  minute: "2-digit",
});

/**
 * Reads SYNC_CRON and SYNC_HOURS. Without the first: every four hours from the first hour of the
 * second, 6:00, 10:00, 14:00, 18:00 and 22:00. Adds a sentence to `problems` for each that is wrong.
 */
export function readSchedule(
  texts: Readonly<Record<"SYNC_CRON" | "SYNC_HOURS", string | undefined>>,
  problems: string[],
): Schedule | undefined {
  const hours = texts.SYNC_HOURS ?? DEFAULT_HOURS;
  const range = readHours(hours, problems);
  if (range === undefined) return undefined;
  const cron = texts.SYNC_CRON ?? `0 ${everyFourHours(range).join(",")} * * *`;
  const job = readCron(cron, problems);
  if (job === undefined) return undefined;
  const isOpen = (at: Date): boolean => isWithin(range, at);
  const next = (after: Date): Date | undefined => {
    let at: Date | null = after;
    // Hours come back every day; days of a cron may be rare, so what counts is turns that are shut.
    for (let turn = 0; turn <= TURNS_OF_A_DAY; turn++) {
      at = job.nextRun(at);
      if (at === null) return undefined;
      if (isOpen(at)) return at;
    }
    return undefined;
  };
  if (next(new Date(0)) === undefined) {
    problems.push(
      `SYNC_CRON is "${cron}" and SYNC_HOURS "${hours}": no run would ever begin. Widen the hours, or name others in the cron.`,
    );
    return undefined;
  }
  return {
    cron,
    hours,
    isOpen,
    next: (after) => {
      const at = next(after);
      if (at === undefined) throw new Error(`"${cron}" has no turn after ${after.toISOString()}`);
      return at;
    },
  };
}

/** Both ends included: at 22:00 a run may begin, a minute later not. */
type Hours = { readonly from: number; readonly to: number };

function readHours(text: string, problems: string[]): Hours | undefined {
  const [, from, to] = /^(\d{1,2})\s*-\s*(\d{1,2})$/.exec(text) ?? [];
  const hours = { from: Number(from), to: Number(to) };
  if (from !== undefined && hours.from <= 23 && hours.to <= 24) return hours;
  problems.push(
    `SYNC_HOURS is "${text}": give the first and the last hour of the day in Brasília, like 6-22 (0-24: all day).`,
  );
  return undefined;
}

/** From 20 to 4 is a night: the end lies on the next day. */
function isWithin({ from, to }: Hours, at: Date): boolean {
  const [hour = 0, minute = 0] = wallClock.format(at).split(":").map(Number);
  const now = hour * 60 + minute;
  const afterStart = now >= from * 60;
  const beforeEnd = now <= to * 60;
  return from <= to ? afterStart && beforeEnd : afterStart || beforeEnd;
}

function everyFourHours({ from, to }: Hours): readonly number[] {
  const length = to >= from ? to - from : to + 24 - from;
  // All day long, the last hour is the first of the next day.
  const count = Math.floor(Math.min(length, 23) / EVERY_HOURS) + 1;
  return Array.from({ length: count }, (_, turn) => (from + turn * EVERY_HOURS) % 24);
}

function readCron(text: string, problems: string[]): Cron | undefined {
  const fields = text.trim().split(/\s+/).length;
  if (fields !== 5) {
    problems.push(
      `SYNC_CRON is "${text}", which has ${fields === 1 ? "1 field" : `${fields} fields`}: give five, minute hour day month weekday, like 0 */4 * * *.`,
    );
    return undefined;
  }
  try {
    return new Cron(text, { timezone: ZONE, mode: "5-part", paused: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^CronPattern: /, "") : "";
    problems.push(
      `SYNC_CRON is "${text}" (${reason.replace(/\.$/, "")}): give five fields, minute hour day month weekday, like 0 */4 * * *.`,
    );
    return undefined;
  }
}
