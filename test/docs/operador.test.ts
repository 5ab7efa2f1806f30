import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { exitCodes } from "../../runner/command.ts";
import { projectRoot } from "../../runner/open-project.ts";
import { readGuide } from "./guide.ts";
import { type Message, operatorMessages } from "./operator-messages.ts";
import { playGuide } from "./play-guide.ts";

const { text } = await readGuide("docs/operador.md");
const [, messages = ""] = text.split("\n## Mensagens\n");
const quoted = firstCells(messages);

describe("the operator's tables hold what the code says", () => {
  test("every sentence that an operator can meet has a row", async () => {
    const missing = (await operatorMessages()).filter(
      (message) => !quoted.some((quote) => isPartOf(quote, message)),
    );
    expect(missing.map(({ file, text: sentence }) => `${file}: ${sentence}`)).toEqual([]);
  });

  test("every row quotes a sentence of the program", async () => {
    const sentences = await operatorMessages({ withSettings: true });
    expect(quoted.length).toBeGreaterThan(50);
    const unknown = quoted.filter((quote) => !sentences.some((each) => isPartOf(quote, each)));
    expect(unknown).toEqual([]);
  });

  test("every exit code has a row", () => {
    const [, codes = ""] = text.split("\n## Saídas\n");
    const told = [...codes.matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, cell = ""]) =>
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
    const [, alerts = ""] = text.split("\n## Alertas\n");
    expect(kinds.length).toBeGreaterThan(5);
    expect(firstCells(alerts.split("\n## ")[0] ?? "").toSorted()).toEqual(kinds.toSorted());
  });
});

await playGuide({
  file: "docs/operador.md",
  published: "by the guide",
  // The worker runs at once, whatever the hour of the test.
  env: { SYNC_HOURS: "0-24" },
});

/** What stands in backticks in the first column of tables. */
function firstCells(section: string): readonly string[] {
  return [...section.matchAll(/^\| (`.*?`) \| /gm)].flatMap(([, cell = ""]) =>
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
