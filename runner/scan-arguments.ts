import { MAX_PAGE_SIZE, type ScanOptions } from "../extract/scan-options.ts";
import { brasiliaWallClock, formatWallClock, parseWallClock } from "../extract/wall-clock.ts";
import type { Command, Invocation } from "./command.ts";

/** The options of commands that extract. */
export const scanOptions = {
  full: { type: "boolean" },
  "max-pages": { type: "string" },
  "time-limit": { type: "string" },
  "page-size": { type: "string" },
  "allow-mass-removal": { type: "boolean" },
} as const satisfies Command["options"];

/** The options of a backfill, which only makes sense without a build behind it. */
export const rangeOptions = {
  since: { type: "string" },
  until: { type: "string" },
} as const satisfies Command["options"];

/** What help says of `scanOptions`. */
export const scanOptionsHelp = `  --full                read everything again; unchanged records cost no space
  --max-pages <n>       stop after n pages; the next run goes on from there
  --time-limit <time>   stop after 90s, 30m or 2h; the next run goes on from there
  --page-size <n>       records a page, 1 to ${MAX_PAGE_SIZE} (default ${MAX_PAGE_SIZE})
  --allow-mass-removal  mark records as removed also when more than a fifth of an object vanished`;

/** What help says of `rangeOptions`. */
export const rangeOptionsHelp = `  --since <date>        a backfill: only what was created or altered since, YYYY-MM-DD[ HH:MM:SS]
  --until <date>        and until, both ends included, Brasília's clock`;

/**
 * Reads the options of `scanOptions` and `rangeOptions`.
 * @param problems gets a sentence for every value that cannot be used
 */
export function readScanOptions(
  given: Invocation["options"],
  now: Date,
  problems: string[],
): ScanOptions {
  const text = (name: string): string | undefined => {
    const value = given[name];
    return typeof value === "string" ? value.trim() : undefined;
  };
  const since = readDate("since", text("since"), problems);
  const until = readDate("until", text("until"), problems);
  const range = since === undefined && until === undefined ? undefined : { since, until };
  const full = given.full === true;
  const allowMassRemoval = given["allow-mass-removal"] === true;
  if (since !== undefined && since > formatWallClock(brasiliaWallClock(now))) {
    problems.push(`--since is ${since}, which is still to come in Brasília: give an earlier date.`);
  }
  // A date alone means its first moment as --since and its last as --until.
  if (since !== undefined && until !== undefined && since > `${until} 23:59:59`.slice(0, 19)) {
    problems.push(`--since is ${since}, after --until, ${until}: exchange them.`);
  }
  if (range !== undefined && full) {
    problems.push("--full reads everything, --since and --until a part: leave one out.");
  }
  if (range !== undefined && allowMassRemoval) {
    problems.push(
      "--allow-mass-removal has no use with --since or --until: only a full reading finds what was removed.",
    );
  }
  const limitMs = readDuration(text("time-limit"), problems);
  return {
    full,
    range,
    maxPages: readNumber("max-pages", text("max-pages"), 1_000_000_000, problems),
    deadline: limitMs === undefined ? undefined : new Date(now.getTime() + limitMs),
    pageSize: readNumber("page-size", text("page-size"), MAX_PAGE_SIZE, problems) ?? MAX_PAGE_SIZE,
    allowMassRemoval,
  };
}

function readDate(
  option: string,
  text: string | undefined,
  problems: string[],
): string | undefined {
  if (text === undefined) return undefined;
  const at = parseWallClock(text);
  if (at === undefined) {
    problems.push(
      `--${option} is "${text}": give a day that exists, like 2026-01-31 or "2026-01-31 18:30:00", Brasília's clock.`,
    );
    return undefined;
  }
  return formatWallClock(at).slice(0, text.length > 10 ? 19 : 10);
}

function readNumber(
  option: string,
  text: string | undefined,
  largest: number,
  problems: string[],
): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= largest) return number;
  const range = largest === MAX_PAGE_SIZE ? `from 1 to ${largest}` : "above zero";
  problems.push(`--${option} is "${text}": give a whole number ${range}.`);
  return undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

function readDuration(text: string | undefined, problems: string[]): number | undefined {
  if (text === undefined) return undefined;
  const [, digits, unit = ""] = /^(\d{1,6}) ?([smh])$/.exec(text) ?? [];
  const ms = Number(digits) * (UNIT_MS[unit] ?? 0);
  if (ms > 0) return ms;
  problems.push(
    `--time-limit is "${text}": give a number and its unit, like 90s, 30m or 2h (seconds, minutes, hours).`,
  );
  return undefined;
}
