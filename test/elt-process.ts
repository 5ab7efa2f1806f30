import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { projectRoot } from "../runner/building.ts";

/** How a process of the program ended, and what it wrote. */
export type Outcome = { readonly code: number | null; readonly out: string; readonly err: string };

/** The program as a process of its own, as a person starts it. */
export type EltProcess = {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Resolves once stdout holds the text; rejects when the process ends before. */
  readonly says: (wanted: string) => Promise<void>;
  readonly outcome: Promise<Outcome>;
};

/** Starts the program. `env` is all the environment it gets beside PATH and HOME. */
export function startElt(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): EltProcess {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, ["bin/elt.js", ...args], {
    cwd: projectRoot,
    env: { PATH, HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let seen = "";
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    seen += chunk;
    child.emit("said");
  });
  const err = text(child.stderr);
  const outcome = once(child, "close").then(async ([code]) => ({
    ...{ code, out: seen, err: await err },
  }));
  return {
    process: child,
    pid: child.pid ?? 0,
    outcome,
    says: (wanted) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (seen.includes(wanted)) resolve();
        };
        child.on("said", look);
        look();
        outcome.then(({ code, err }) => reject(new Error(`ended with ${code}: ${err}`)));
      }),
  };
}

/** Runs the program to its end. */
export function runElt(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Outcome> {
  return startElt(args, env).outcome;
}
