import { CvdwError } from "../extract/errors.ts";
import { exitCodes } from "./command.ts";
import { ConfigError, InfrastructureError, LockError } from "./errors.ts";
import { ModelError } from "./models/problem.ts";
import { TestFailure } from "./models/test-failure.ts";

/** How a failure ends the program. */
export type Failure = { readonly exitCode: number; readonly message: string };

/** Connection lost, server going away, disk full, out of memory: SQLSTATE classes 08, 53, 57P, 58. */
const LOST = /^(08|53|57P|58)/;
const NETWORK = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND"]);

/** The sentence and exit code of an error. What nobody foresaw is a bug and shows its stack. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ConfigError) return failure(exitCodes.configuration, error);
  if (error instanceof LockError) return failure(exitCodes.locked, error);
  if (error instanceof InfrastructureError) return failure(exitCodes.infrastructure, error);
  if (error instanceof ModelError) return failure(exitCodes.modelFailed, error);
  if (error instanceof TestFailure) {
    return {
      exitCode: exitCodes.modelFailed,
      message: `Tests failed, so nothing was published.\n${error.message}`,
    };
  }
  if (error instanceof CvdwError) return failure(exitCodes.sourceFailed, error);
  if (isDatabaseLost(error)) {
    return {
      exitCode: exitCodes.infrastructure,
      message: `The database was lost during the run (${error.message}). What was committed stays; run again when it is back.`,
    };
  }
  const stack = error instanceof Error ? error.stack : String(error);
  return { exitCode: exitCodes.bug, message: `This is a bug in the program:\n${stack}` };
}

function failure(exitCode: number, error: Error): Failure {
  return { exitCode, message: error.message };
}

function isDatabaseLost(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return (
    LOST.test(code) ||
    NETWORK.has(code) ||
    /Connection terminated|Client has encountered a connection error/.test(error.message)
  );
}
