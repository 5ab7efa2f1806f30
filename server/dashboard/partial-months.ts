import { formatShortDay, monthOf } from "./formats.ts";
import type { Dashboard } from "./read-dashboard.ts";

type Shown = Pick<Dashboard, "sales" | "stretches" | "hoje">;

/** First days of the months of VSO and pró-soluto that count only in part. */
export function partialMonths(shown: Shown): ReadonlySet<string> {
  return new Set(reasonsByMonth(shown).keys());
}

/** Why bars are grey; empty when none is. */
export function partialNote(shown: Shown): string {
  return [...reasonsByMonth(shown)]
    .map(([mes, reason]) => ` ${month(mes)}, em cinza, ${reason}.`)
    .join("");
}

function reasonsByMonth({ sales, stretches, hoje }: Shown): ReadonlyMap<string, string> {
  const { de, ate } = stretches.vso;
  const first = sales.vso[0]?.mes ?? de;
  const last = sales.vso.at(-1)?.mes ?? ate;
  const beginsInside = de > first;
  const endsInside = ate < hoje && ate < lastDay(last);
  const reasons = new Map<string, string>();
  if (beginsInside) reasons.set(first, `conta desde ${formatShortDay(de)}`);
  if (ate >= hoje) {
    const since = beginsInside && first === last ? `conta desde ${formatShortDay(de)} e ` : "";
    reasons.set(last, `${since}ainda não terminou`);
  }
  if (endsInside) {
    const days = beginsInside && first === last ? `de ${formatShortDay(de)} a` : "até";
    reasons.set(last, `conta ${days} ${formatShortDay(ate)}`);
  }
  return reasons;
}

/** 2026-11-30, from any day of that month. */
function lastDay(day: string): string {
  const [year = 0, month = 1] = day.split("-").map(Number);
  return new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10);
}

/** Março de 2026 */
function month(mes: string): string {
  const name = monthOf(mes);
  return name.charAt(0).toUpperCase() + name.slice(1);
}
