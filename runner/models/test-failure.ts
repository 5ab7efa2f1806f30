/** What a test found. `sample` holds keys and columns that are not personal. */
export type TestResult = {
  readonly model: string;
  readonly test: string;
  readonly severity: "error" | "warn";
  readonly failures: number;
  readonly sample: readonly Readonly<Record<string, unknown>>[];
};

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
  const rows = result.failures === 1 ? "1 row fails" : `${result.failures} rows fail`;
  const lines = [`${result.model}: ${rows} ${result.test}`];
  for (const row of result.sample) lines.push(`    ${JSON.stringify(row)}`);
  return lines.join("\n");
}
