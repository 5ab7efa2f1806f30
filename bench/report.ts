/** Writes a line of a benchmark's report. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The middle value; machines are noisy, so this and ratios are what counts. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Rows per second, rounded to hundreds. */
export function rate(rows: number, ms: number): number {
  return Math.round(rows / ms / 0.1) * 100;
}

/** Milliseconds that work takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
