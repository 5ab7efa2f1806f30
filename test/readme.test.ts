import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { projectRoot } from "../runner/building.ts";

const documents = ["README.md", "docs/analista.md"];

/** Lines of the shell blocks of a document, without comments. */
async function shellLines(document: string): Promise<readonly string[]> {
  const text = await readFile(path.join(projectRoot, document), "utf8");
  return [...text.matchAll(/```sh\n(.*?)```/gs)]
    .flatMap((block) => (block[1] ?? "").split("\n"))
    .map((line) => line.replace(/#.*$/, "").trim())
    .filter((line) => line !== "");
}

describe.each(documents)("every command that %s shows", (document) => {
  test("exists: its script in package.json, its name in elt help", async () => {
    const { scripts } = JSON.parse(
      await readFile(path.join(projectRoot, "package.json"), "utf8"),
    ) as { scripts: Record<string, string> };
    const { stdout: help } = await promisify(execFile)(process.execPath, ["bin/elt.js", "help"], {
      cwd: projectRoot,
    });
    const lines = await shellLines(document);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      const [, script, command] = /^npm (?:run (?:-s )?)?([\w:]+)(?: -- (\w+))?/.exec(line) ?? [];
      if (script === undefined) expect(line).toMatch(/^cp \.env\.example \.env$/);
      else if (script !== "ci") expect(scripts).toHaveProperty([script]);
      if (script === "elt" && command !== undefined) expect(help).toContain(`  ${command} `);
    }
  });

  test("points only to files that exist", async () => {
    const text = await readFile(path.join(projectRoot, document), "utf8");
    const paths = [
      ...text.matchAll(/`((?:test|models|views|extract|runner|docs|bench)\/[\w./-]*)`/g),
    ]
      .map((match) => match[1] ?? "")
      .filter((file) => !file.includes("clientes"));
    for (const file of paths) {
      await expect(
        readFile(path.join(projectRoot, file)).catch((error) => error.code),
      ).resolves.not.toBe("ENOENT");
    }
  });
});
