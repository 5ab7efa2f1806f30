import { DatabaseError } from "pg";
import { CvdwError } from "../extract/errors.ts";
import { exitCodes } from "./command.ts";
import { ConfigError, InfrastructureError, LockError } from "./errors.ts";
import { KpiHeld } from "./guardrail/held-kpi.ts";
import { ModelError } from "./models/problem.ts";
import { formatTestFailure, TestFailure } from "./models/test-failure.ts";

/** How a failure ends the program. */
export type Failure = { readonly exitCode: number; readonly message: string };

/** Connection lost, server going away, out of memory: SQLSTATE classes 08, 53, 57P, 58. */
const LOST = /^(08|53|57P|58)/;
const NETWORK = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND"]);

/** The sentence and exit code of an error. What nobody foresaw is a bug and shows its stack. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ConfigError) return failure(exitCodes.configuration, error);
  if (error instanceof LockError) return failure(exitCodes.locked, error);
  if (error instanceof InfrastructureError) return failure(exitCodes.infrastructure, error);
  if (error instanceof ModelError) return failure(exitCodes.modelFailed, error);
  if (error instanceof KpiHeld) return failure(exitCodes.modelFailed, error);
  if (error instanceof TestFailure) {
    return {
      exitCode: exitCodes.modelFailed,
      message: [
        "Nothing was published, because tests failed:",
        ...error.results.map(formatTestFailure),
      ].join("\n\n"),
    };
  }
  if (error instanceof CvdwError) return failure(exitCodes.sourceFailed, error);
  if (isDatabaseRefusal(error)) {
    return {
      exitCode: exitCodes.infrastructure,
      message: `The database ended the work: ${error.message}. Nothing was published by it. ${refusals[error.code]}`,
    };
  }
  if (isDatabaseLost(error)) {
    return {
      exitCode: exitCodes.infrastructure,
      message: `The database was lost during the run (${error.message}). What was committed stays; run again when it is back.`,
    };
  }
  const stack = error instanceof Error ? error.stack : String(error);
  return { exitCode: exitCodes.bug, message: `This is a bug in the program:\n${stack}` };
}

/** What the database may refuse in the middle of a run, and what to do about it. */
const refusals: Readonly<Record<string, string>> = {
  "57014": "Somebody cancelled it, or a limit of the platform did: run again.",
  "25006": "It became a replica, or read-only: run again when it takes changes.",
  "53100": "Its disk is full: make room there, and run again.",
  "40P01": "Another session locked the same relations: run again.",
  "55P03": "Another session locked a relation: run again when it has ended.",
  "42501": "Give this user the right, or let the owner of the relation run the program.",
};

function isDatabaseRefusal(error: unknown): error is DatabaseError & { readonly code: string } {
  return error instanceof DatabaseError && error.code !== undefined && error.code in refusals;
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
