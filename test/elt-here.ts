import { commandGroups } from "../bin/commands.ts";
import { callProgram } from "../runner/cli.ts";
import type { Outcome } from "./elt-process.ts";

/**
 * Calls the program as `runElt` does, in this process: the same arguments, output and exit code without
 * the seconds that a process takes to start. What ends a process, reads its input or outlives it needs one.
 */
export async function eltHere(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Outcome> {
  const written = { out: "", err: "" };
  const into = (name: "out" | "err") => ({
    write: (content: string | Uint8Array) => {
      written[name] += typeof content === "string" ? content : Buffer.from(content).toString();
    },
  });
  const { exitCode } = await callProgram(commandGroups, {
    args,
    readEnvironment: () => env,
    out: into("out"),
    err: into("err"),
    run: (command, invocation) =>
      command.run({
        ...invocation,
        signal: new AbortController().signal,
        onInterrupt: () => undefined,
      }),
  });
  return { code: exitCode, ...written };
}
