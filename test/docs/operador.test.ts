import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { exitCodes } from "../../runner/command.ts";
import { projectRoot } from "../../runner/open-project.ts";
import { readGuide } from "./guide.ts";
import { type Message, operatorMessages } from "./operator-messages.ts";
import { playGuide } from "./play-guide.ts";

const { text } = await readGuide("docs/operador.md");
const quoted = firstCells(section("Mensagens"));

describe("the operator's tables hold what the code says", () => {
  test("every sentence that an operator can meet has a row", async () => {
    const missing = (await operatorMessages()).filter(
      (message) => !quoted.some((quote) => isPartOf(quote, message)),
    );
    expect(
      missing.map(({ file, text: sentence }) => `${file}: ${sentence}`),
      "add a row for each to docs/operador.md, Mensagens: in backticks a part of it, … for what is filled in",
    ).toEqual([]);
  });

  test("every row quotes a sentence of the program", async () => {
    const sentences = await operatorMessages({ withSettings: true });
    expect(quoted.length).toBeGreaterThan(50);
    const unknown = quoted.filter((quote) => !sentences.some((each) => isPartOf(quote, each)));
    expect(unknown).toEqual([]);
  });

  test("every exit code has a row", () => {
    const told = [...section("Saídas").matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, cell = ""]) =>
      cell.split(", ").map(Number),
    );
    expect(told.toSorted((a, b) => a - b)).toEqual(
      [...Object.values(exitCodes), 130, 143].toSorted((a, b) => a - b),
    );
  });

  test("every kind of incident has a row", async () => {
    const source = await readFile(path.join(projectRoot, "runner/alerts/incident.ts"), "utf8");
    const [, details = ""] = /type IncidentDetails = \{(.*?)\n\};/s.exec(source) ?? [];
    const kinds = [...details.matchAll(/^ {2}readonly "?([a-z-]+)"?:/gm)].map(([, kind]) => kind);
    expect(kinds.length).toBeGreaterThan(5);
    expect(firstCells(section("Alertas")).toSorted()).toEqual(kinds.toSorted());
  });

  test("every line of elt doctor has a row", async () => {
    const folder = path.join(projectRoot, "runner/doctor");
    const lines = new Set<string>();
    for (const file of await readdir(folder)) {
      const source = await readFile(path.join(folder, file), "utf8");
      const named =
        /(?:\b(?:ok|warn|fail|skip|failFrom|compareClocks)\(\s*|const check = |check: )"([^"]+)"/g;
      for (const [, line = ""] of source.matchAll(named)) lines.add(line);
    }
    expect(lines.size).toBeGreaterThan(20);
    const told = [...section("O doctor").matchAll(/^\| (.*?) \| /gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, line]) => line),
    );
    expect([...lines].filter((line) => !told.includes(line))).toEqual([]);
  });

  test("every problem that the server answers with has a row, with its status", async () => {
    const files = (await readdir(path.join(projectRoot, "server"), { recursive: true })).filter(
      (file) => file.endsWith(".ts"),
    );
    const statuses = new Map<string, string>();
    for (const file of files) {
      const source = await readFile(path.join(projectRoot, "server", file), "utf8");
      const problem = /\bstatus: ?([^,\n]+),\s+type: "([a-z-]+)",\s+title: "/g;
      for (const [, status = "", type = ""] of source.matchAll(problem)) statuses.set(type, status);
    }
    const told = [
      ...section("Respostas do servidor").matchAll(/^\| `([a-z-]+)` \| (\d+) \|/gm),
    ].map(([, type = "", status = ""]): [string, string] => [type, status]);
    expect(statuses.size).toBeGreaterThan(10);
    expect(told.map(([type]) => type).toSorted()).toEqual([...statuses.keys()].toSorted());
    for (const [type, status] of told) {
      const written = statuses.get(type) ?? "";
      if (/^\d+$/.test(written)) expect(`${type} ${status}`).toBe(`${type} ${written}`);
    }
  });
});

await playGuide({
  file: "docs/operador.md",
  published: "by the guide",
  // The worker runs at once, whatever the hour of the test.
  env: { SYNC_HOURS: "0-24" },
});

/** What stands below a heading of the second level. */
function section(heading: string): string {
  return text.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
}

/** What stands in backticks in the first column of tables. */
function firstCells(table: string): readonly string[] {
  return [...table.matchAll(/^\| (`.*?`) \| /gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, quote = ""]) => quote),
  );
}

function isPartOf(quote: string, { text: sentence }: Message): boolean {
  let from = 0;
  return quote.split("…").every((part) => {
    const at = sentence.indexOf(part.trim(), from);
    from = at + part.length;
    return at !== -1;
  });
}
