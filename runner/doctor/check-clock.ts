import { type Finding, fail, ok, warn } from "./finding.ts";

/** Scans read an hour again; beyond that an edit could fall between two of them. */
const TOO_FAR_MS = 30 * 60_000;
const FAR_MS = 60_000;

/**
 * Compares this machine's clock with another's.
 * @param check whose clock it is
 * @param toleranceMs how exact the comparison can be
 */
export function compareClocks(
  check: string,
  clocks: { readonly here: Date; readonly there: Date },
  toleranceMs = 1_500,
): Finding {
  const ms = clocks.here.getTime() - clocks.there.getTime();
  const distance = Math.abs(ms);
  if (distance <= toleranceMs) return ok(check, "It and this machine's agree.");
  const text = `This machine's clock is ${span(distance)} ${ms > 0 ? "ahead of" : "behind"} it`;
  const fix = "Let both machines take their time from a time server (timedatectl set-ntp true).";
  if (distance >= TOO_FAR_MS) {
    return fail(check, `${text}: edits at the source could be missed.`, fix);
  }
  return distance >= FAR_MS ? warn(check, `${text}.`, fix) : ok(check, `${text}.`);
}

function span(ms: number): string {
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.round(ms / 60_000)} minutes`;
}
