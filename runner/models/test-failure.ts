/** What a test found. `sample` holds keys and columns that are not personal. */
export type TestResult = {
  readonly model: string;
  readonly test: string;
  readonly severity: "error" | "warn";
  readonly failures: number;
  /** How many rows may fail before the test does; none when it is left out. */
  readonly allowed?: number;
  readonly sample: readonly Readonly<Record<string, unknown>>[];
  /** Where the test is written: `models/marts/vendas.sql:12:12`. */
  readonly place?: string;
  /** The lines around that place, with a caret. */
  readonly excerpt?: string;
};

/** Rows of a sample that a person is shown; the database keeps more of them. */
export const SHOWN_ROWS = 3;

/** More rows fail than the test allows. */
export function isFailing({ failures, allowed }: TestResult): boolean {
  return failures > (allowed ?? 0);
}

/** A test of severity error found rows: the build is rolled back and nothing is published. */
export class TestFailure extends Error {
  override readonly name = "TestFailure";
  readonly results: readonly TestResult[];
  /** Every test that ran, those that passed too. */
  readonly all: readonly TestResult[];

  constructor(results: readonly TestResult[], all: readonly TestResult[] = results) {
    super(results.map(formatTestResult).join("\n"));
    this.results = results;
    this.all = all;
  }
}

/** One line, and up to three failing rows below it. */
export function formatTestResult(result: TestResult): string {
  const lines = [`${result.model}: ${countOf(result)} ${result.test}`];
  for (const row of result.sample.slice(0, SHOWN_ROWS)) lines.push(`    ${JSON.stringify(row)}`);
  return lines.join("\n");
}

/** As an analyst reads a failure: file, line and column, the line with a caret, failing rows. */
export function formatTestFailure(result: TestResult): string {
  if (result.place === undefined || result.excerpt === undefined) return formatTestResult(result);
  const rows = result.sample.slice(0, SHOWN_ROWS).map((row) => `    ${JSON.stringify(row)}`);
  return [
    `${result.place}: ${result.model}: ${countOf(result)} ${result.test}`,
    result.excerpt,
    ...rows,
  ].join("\n");
}

function countOf({ failures }: TestResult): string {
  return failures === 1 ? "1 row fails" : `${failures} rows fail`;
}
