/** Days are texts `YYYY-MM-DD`: they compare as they sort. */

/** The first day of a day's month. */
export function monthOf(day: string): string {
  return `${day.slice(0, 7)}-01`;
}

/** The same day so many months later or earlier; the month's last day where it has no such day. */
export function addMonths(day: string, months: number): string {
  const count = Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1 + months;
  const year = Math.floor(count / 12);
  const month = count - year * 12 + 1;
  const last = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return [
    `${year}`.padStart(4, "0"),
    `${month}`.padStart(2, "0"),
    `${Math.min(Number(day.slice(8)), last)}`.padStart(2, "0"),
  ].join("-");
}

/** The month of a day and the ones before it, newest first. */
export function monthsUpTo(day: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, back) => addMonths(monthOf(day), -back));
}
