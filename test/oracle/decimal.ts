/** An exact amount: a whole number of hundredths (centavos, or hundredths of a percent). */
export type Hundredths = bigint;

/** Quotient of two whole numbers, rounded half away from zero, as PostgreSQL's numeric does. */
export function divideRounded(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n !== denominator < 0n;
  const top = numerator < 0n ? -numerator : numerator;
  const bottom = denominator < 0n ? -denominator : denominator;
  const magnitude = (2n * top + bottom) / (2n * bottom);
  return negative ? -magnitude : magnitude;
}

/** Sum of amounts; an absent one adds nothing. */
export function sum(amounts: Iterable<Hundredths | null>): Hundredths {
  let total = 0n;
  for (const amount of amounts) total += amount ?? 0n;
  return total;
}

/** An average over nothing is null. */
export function average(total: Hundredths, count: number): Hundredths | null {
  return count === 0 ? null : divideRounded(total, BigInt(count));
}

/** Percent in hundredths (1250 = 12.50 %); null when the divisor is zero or it needs over five digits. */
export function percentage(part: bigint, whole: bigint): Hundredths | null {
  return whole === 0n ? null : fitting(divideRounded(part * 10_000n, whole), 7);
}

/** The amount, or null when it needs more digits, decimals included, than the column has. */
export function fitting(amount: Hundredths, digits: number): Hundredths | null {
  const limit = 10n ** BigInt(digits);
  return amount > -limit && amount < limit ? amount : null;
}

/** `-1234.50`, as PostgreSQL writes numeric(…,2). */
export function decimalText(amount: Hundredths | null): string | null {
  if (amount === null) return null;
  const digits = `${amount < 0n ? -amount : amount}`.padStart(3, "0");
  return `${amount < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
