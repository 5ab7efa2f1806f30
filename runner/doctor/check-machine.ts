import { readFileSync } from "node:fs";
import path from "node:path";
import { projectRoot } from "../open-project.ts";
import { type Finding, fail, ok } from "./finding.ts";

/** What the program itself says that it is and needs. */
export function programVersion(): { readonly version: string; readonly node: string } {
  const text = readFileSync(path.join(projectRoot, "package.json"), "utf8");
  const { version, engines } = JSON.parse(text) as {
    readonly version: string;
    readonly engines: { readonly node: string };
  };
  return { version, node: engines.node.replace(/^\D+/, "") };
}

/** Node and time zones: the program counts in Brasília's clock wherever it runs. */
export function checkMachine(now: Date, nodeVersion: string): readonly Finding[] {
  const { node: oldest } = programVersion();
  return [
    isAtLeast(nodeVersion, oldest)
      ? ok("node", `${nodeVersion} on ${process.platform} ${process.arch}.`)
      : fail("node", `${nodeVersion} is too old.`, `Install Node ${oldest} or newer.`),
    checkZone(now),
  ];
}

function isAtLeast(version: string, oldest: string): boolean {
  return version.localeCompare(oldest, "en", { numeric: true }) >= 0;
}

function checkZone(now: Date): Finding {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  try {
    const brasilia = new Intl.DateTimeFormat("sv-SE", {
      timeZone: "America/Sao_Paulo",
      dateStyle: "short",
      timeStyle: "medium",
    }).format(now);
    return ok("time zone", `This machine's is ${here}; in Brasília it is ${brasilia}.`);
  } catch {
    return fail(
      "time zone",
      "This Node does not know America/Sao_Paulo.",
      "Install a Node with all of ICU, as nodejs.org's is.",
    );
  }
}
