import { parseArgs } from "node:util";
import { type Command, type CommandModule, exitCodes, type Invocation } from "./command.ts";
import { type Environment, loadEnvironment } from "./config.ts";
import { ConfigError } from "./errors.ts";
import { failureOf } from "./failure.ts";
import { didYouMean } from "./models/near-name.ts";
import { createReporter, type Output } from "./reporter.ts";
import { secretsOf } from "./secrets.ts";

/** A command as `elt help` lists it. It is loaded when it is called: some take seconds. */
export type CommandEntry = {
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
};

/** Commands that belong together; the key is the word that calls one. */
export type CommandGroup = {
  readonly title: string;
  readonly commands: { readonly [name: string]: CommandEntry };
};

const signals = { SIGINT: 130, SIGTERM: 143 } as const;
const INTERRUPT_GRACE_MS = 5_000;

/** One call of the program, and where its output goes. */
export type ProgramCall = {
  readonly args: readonly string[];
  /** May throw ConfigError: whoever calls it wrongly is told so. */
  readonly readEnvironment: () => Environment;
  readonly out: Output;
  readonly err: Output;
  /** Runs the command that was asked for; whoever gives it decides what ends it before its end. */
  readonly run: (command: Command, invocation: PlainInvocation) => Promise<number>;
};

type PlainInvocation = Omit<Invocation, "signal" | "onInterrupt">;

/** The program: runs what the arguments of this process ask for, and ends it with the exit code. */
export async function main(groups: readonly CommandGroup[]): Promise<void> {
  process.stdout.on("error", ignoreClosedPipe);
  const { exitCode, isFailure } = await callProgram(groups, {
    args: process.argv.slice(2),
    readEnvironment: loadEnvironment,
    out: process.stdout,
    err: process.stderr,
    run: runUntilSignal,
  });
  process.exitCode = exitCode;
  if (!isFailure) return;
  // Requests or queries that were cut off may still be open: a failure does not wait for them.
  await Promise.all([process.stdout, process.stderr].map(flushed));
  process.exit(exitCode);
}

/** Finds the command, runs it, and tells why it failed; never throws. */
export async function callProgram(
  groups: readonly CommandGroup[],
  call: ProgramCall,
): Promise<{ readonly exitCode: number; readonly isFailure: boolean }> {
  const [first = "run", ...rest] = call.args;
  const name = first.startsWith("-") ? "run" : first;
  const args = first.startsWith("-") ? [first, ...rest] : rest;
  const { out, err } = call;
  const output = { out, err, json: args.includes("--json"), now: () => new Date() };
  let reporter = createReporter(output);
  const done = (exitCode: number) => ({ exitCode, isFailure: false });
  try {
    const env = call.readEnvironment();
    reporter = createReporter({ ...output, secrets: secretsOf(env) });
    if (name === "help" || first === "--help" || first === "-h") {
      const wanted = rest.find((word) => !word.startsWith("-"));
      const text = wanted === undefined ? overview(groups) : (await find(groups, wanted)).help;
      reporter.result(text, { help: text });
      return done(exitCodes.done);
    }
    const command = await find(groups, name);
    if (args.includes("--help") || args.includes("-h")) {
      reporter.result(command.help, { help: command.help });
      return done(exitCodes.done);
    }
    return done(await call.run(command, { ...parseOptions(name, command, args), env, reporter }));
  } catch (error) {
    const { exitCode, message } = failureOf(error);
    reporter.failure(message, exitCode);
    return { exitCode, isFailure: true };
  }
}

function parseOptions(
  name: string,
  command: Command,
  args: readonly string[],
): Pick<Invocation, "names" | "options"> {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...command.options, json: { type: "boolean" } },
      allowPositionals: command.takesNames ?? false,
    });
    const options = Object.fromEntries(
      Object.entries(values).filter(([, value]) => !Array.isArray(value)),
    ) as Record<string, string | boolean | undefined>;
    return { names: positionals, options };
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).split(". ")[0] ?? "";
    const unknown = /^Unknown option '(-.+)'$/.exec(reason)?.[1];
    const options = [...Object.keys(command.options ?? {}), "json", "help"].map(
      (option) => `--${option}`,
    );
    const near = unknown === undefined ? undefined : didYouMean(unknown, options);
    const sentence = near === undefined ? `${reason}.` : `${reason}: ${near}`;
    throw new ConfigError([`${sentence} See: npm run elt -- help ${name}`]);
  }
}

/** A signal ends the program after a short clean-up; a second one ends it at once. */
async function runUntilSignal(command: Command, invocation: PlainInvocation): Promise<number> {
  const abort = new AbortController();
  let cleanUp: (exitCode: number) => Promise<void> = async () => undefined;
  const interrupted = new Promise<number>((resolve) => {
    for (const [signal, exitCode] of Object.entries(signals)) {
      process.once(signal, () => {
        abort.abort(exitCode);
        process.once(signal, () => process.exit(exitCode));
        const grace = setTimeout(() => resolve(exitCode), INTERRUPT_GRACE_MS);
        cleanUp(exitCode)
          .catch(() => undefined)
          .finally(() => {
            clearTimeout(grace);
            resolve(exitCode);
          });
      });
    }
  });
  const finished = command.run({
    ...invocation,
    signal: abort.signal,
    onInterrupt: (work) => {
      cleanUp = work;
    },
  });
  const winner = await Promise.race([
    finished.then((exitCode) => ({ exitCode, interrupted: false })),
    interrupted.then((exitCode) => ({ exitCode, interrupted: true })),
  ]);
  // Work under way cannot be awaited: its transaction is rolled back by the server.
  if (winner.interrupted) {
    invocation.reporter.say(
      "Interrupted. What was landed stays; what was not published is undone.",
    );
    process.exit(winner.exitCode);
  }
  return winner.exitCode;
}

/** `elt status | head` closes the pipe early: nobody reads on, and that is no failure. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}

async function find(groups: readonly CommandGroup[], name: string): Promise<Command> {
  const commands = new Map(groups.flatMap((group) => Object.entries(group.commands)));
  const entry = commands.get(name);
  if (entry !== undefined) return (await entry.load()).command;
  const near = didYouMean(name, commands.keys());
  throw new ConfigError([
    near === undefined
      ? `There is no command "${name}". Commands: ${[...commands.keys()].join(", ")}. See: npm run elt -- help`
      : `There is no command "${name}": ${near} See: npm run elt -- help`,
  ]);
}

function overview(groups: readonly CommandGroup[]): string {
  const lines = groups.flatMap(({ title, commands }) => [
    title,
    ...Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(11)} ${summary}`),
    "",
  ]);
  return [
    "elt: CVDW → PostgreSQL → marts",
    "",
    "Usage: elt <command> [options]        (npm run elt -- <command>)",
    "",
    ...lines,
    "Every command takes --help and --json. Without a command: run.",
    "Exit codes: 0 done · 1 a model or test failed, nothing published ·",
    "2 configuration · 3 the source failed for at least one object ·",
    "4 another run holds the lock · 5 infrastructure lost · 130/143 interrupted",
  ].join("\n");
}
