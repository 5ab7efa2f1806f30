import type { ParseArgsConfig } from "node:util";
import type { Environment } from "./config.ts";
import type { Reporter } from "./reporter.ts";

/** A command of the CLI: what help says of it, and what it does. */
export type Command = {
  /** For `elt help <command>`: usage, options, examples. */
  readonly help: string;
  readonly options?: NonNullable<ParseArgsConfig["options"]>;
  /** Whether words that are not options are allowed. */
  readonly takesNames?: true;
  /** Runs it and gives the exit code. */
  readonly run: (invocation: Invocation) => Promise<number>;
};

/** One call of a command, already parsed. */
export type Invocation = {
  readonly names: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly env: Environment;
  readonly reporter: Reporter;
  /** Aborted by SIGINT or SIGTERM; the reason is the exit code that follows. */
  readonly signal: AbortSignal;
  /** Called before the process ends on a signal, e.g. to record the run as interrupted. */
  readonly onInterrupt: (cleanUp: (exitCode: number) => Promise<void>) => void;
};

/** The exit code of a signal that was given. */
export function interruptedExitCode({ reason }: AbortSignal): number {
  return typeof reason === "number" ? reason : 143;
}

/** A file that holds a command. */
export type CommandModule = { readonly command: Command };

/** Exit codes, part of the contract. */
export const exitCodes = {
  done: 0,
  modelFailed: 1,
  configuration: 2,
  sourceFailed: 3,
  locked: 4,
  infrastructure: 5,
  bug: 70,
} as const;
