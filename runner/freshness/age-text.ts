import type { SourceAge } from "./source-ages.ts";

/** `45 min`, `14 h`, `3 days`: the largest unit that an age fills, hours up to two days. */
export function ageText(seconds: number): string {
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3_600) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

function limitText(seconds: number): string {
  const isDays = seconds % 86_400 === 0;
  if (isDays) return seconds === 86_400 ? "1 day" : `${seconds / 86_400} days`;
  return seconds % 3_600 === 0 ? `${seconds / 3_600} h` : `${seconds / 60} min`;
}

/** `read to its end 14 h ago, limit 12 h`. */
export function staleText({ readAt, ageSeconds, limitSeconds }: SourceAge): string {
  const read =
    readAt === null
      ? `not read to its end in ${ageText(ageSeconds)}`
      : `read to its end ${ageText(ageSeconds)} ago`;
  return limitSeconds === null ? read : `${read}, limit ${limitText(limitSeconds)}`;
}

const SHOWN = 3;

/** Names of models, the first few: those that people read come first. */
export function namesText(models: readonly string[]): string {
  const published = models.filter((name) => name.startsWith("marts."));
  const names = published.length > 0 ? published : models;
  const shown = names.slice(0, SHOWN).join(", ");
  const more = names.length - SHOWN;
  return more > 0 ? `${shown} and ${more} more` : shown;
}
