import { readFileSync } from "node:fs";
import path from "node:path";
import { projectRoot } from "../../runner/open-project.ts";

/** One instruction: its name in capitals, and the rest of it on one line. */
export type Instruction = { readonly name: string; readonly rest: string };

/** The instructions of the project's Dockerfile, in their stages. */
export function readDockerfile(): readonly (readonly Instruction[])[] {
  const text = readFileSync(path.join(projectRoot, "Dockerfile"), "utf8");
  const lines = text
    .replaceAll(/^\s*#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n")
    .flatMap((line) => line.trim() || []);
  const stages: Instruction[][] = [];
  for (const line of lines) {
    const [, name = "", rest = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === "") throw new Error(`No instruction: ${line}`);
    if (name === "FROM") stages.push([]);
    stages.at(-1)?.push({ name, rest });
  }
  return stages;
}

/** What a stage copies out of the project, and where to. */
export function copiedFiles(
  stage: readonly Instruction[],
): readonly { readonly source: string; readonly target: string }[] {
  return stage
    .filter(({ name, rest }) => name === "COPY" && !rest.startsWith("--from="))
    .flatMap(({ rest }) => {
      const words = rest.split(/\s+/);
      const target = words.at(-1) ?? "";
      return words.slice(0, -1).map((source) => ({
        source,
        target: target.endsWith("/") ? path.join(target, path.basename(source)) : target,
      }));
    });
}

/** The words of an instruction in exec form, like `ENTRYPOINT ["node", "x"]`. */
export function execForm(stage: readonly Instruction[], wanted: string): readonly string[] {
  const found = stage.find(({ name }) => name === wanted);
  return found === undefined ? [] : JSON.parse(found.rest);
}
