/**
 * The setup is wrong and the operator must act: an environment variable, a database that does not
 * answer at start, a wrong use of a command. Every problem is one sentence that says what to do.
 */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly exitCode = 2;
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join("\n"), options);
    this.problems = problems;
  }
}

/** Reads settings; their problems go to those of others, so that all are told at once. */
export function collectProblems<T>(problems: string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

/** Another run holds the lock. The message says which one. */
export class LockError extends Error {
  override readonly name = "LockError";
  readonly exitCode = 4;
}

/** Infrastructure was lost during a run: the database went away, the disk is full. */
export class InfrastructureError extends Error {
  override readonly name = "InfrastructureError";
  readonly exitCode = 5;
}
