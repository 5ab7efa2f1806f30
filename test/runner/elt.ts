import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { projectRoot } from "../../runner/open-project.ts";

/** How a run of the program ended. */
export type Outcome = { readonly code: number | null; readonly out: string; readonly err: string };

/** Runs the program as a person does, with these settings and nothing of this process's own. */
export async function elt(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const child = spawn(process.execPath, ["bin/elt.js", ...args], {
    cwd: projectRoot,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...settings },
  });
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  return { code, out, err };
}
