import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { variables } from "../../runner/config.ts";
import { projectRoot } from "../../runner/open-project.ts";

/** A sentence that the program can end with: `…` stands for what it fills in. */
export type Message = { readonly file: string; readonly text: string };

/** What an analyst or somebody who types a command reads explains itself where it points to. */
const others =
  /^runner\/(?:models\/|environments\/|drift\/|commands\/(?:lineage|env|show|drift|verify)|cli\.ts)/;
/** Files in which sentences stand apart from the error that carries them. */
const whole = [
  "runner/database-failure.ts",
  "runner/extraction.ts",
  "runner/failure.ts",
  "runner/freshness/report-withheld.ts",
  "runner/guardrail/held-kpi.ts",
  "runner/models/with-lock-timeout.ts",
  "extract/cvdw.ts",
  "extract/read-page.ts",
  "extract/removals.ts",
  "extract/scan.ts",
  "server/serve.ts",
];
const raised = /(?:new (?:ConfigError|LockError|InfrastructureError)|problems\.push)\(/g;

/**
 * The sentences of errors that an operator can meet, from the program's text: those of
 * configuration, locks, infrastructure and the source. Problems of a setting begin with its name,
 * and are left out unless asked for, as are those of an option, which begin with `--`.
 */
export async function operatorMessages({
  withSettings = false,
}: {
  readonly withSettings?: boolean;
} = {}): Promise<readonly Message[]> {
  const files = (
    await Promise.all(["runner", "server", "extract"].map((folder) => sourcesIn(folder)))
  ).flat();
  const found = await Promise.all(
    files
      .filter((file) => whole.includes(file) || !others.test(file))
      .map(async (file) => {
        const text = await readFile(path.join(projectRoot, file), "utf8");
        const pieces = whole.includes(file)
          ? [withoutComments(text)]
          : [...text.matchAll(raised)].map((match) =>
              argumentsAt(text, match.index + match[0].length),
            );
        return pieces.flatMap(literalsOf).map((literal) => ({ file, text: literal }));
      }),
  );
  const seen = new Set<string>();
  return found.flat().filter(({ text }) => {
    const words = text.split(" ").filter((word) => /[a-z]/i.test(word));
    const isSentence =
      words.length >= 4 && text.split(" ").length >= 5 && /(?:[.…:)]|-removal)$/.test(text);
    // SQL, options, and what only names the subject of a sentence.
    const isOwn = !/\n|^(?: |--|elt |set |select |… takes |An? \w+ of account …$)/.test(text);
    const isSetting = variables.some((name) => text.startsWith(name));
    if (!isSentence || !isOwn || (isSetting && !withSettings) || seen.has(text)) return false;
    seen.add(text);
    return true;
  });
}

async function sourcesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(path.join(projectRoot, folder), { recursive: true });
  return entries.filter((entry) => entry.endsWith(".ts")).map((entry) => path.join(folder, entry));
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

/** From behind an opening parenthesis to the one that closes it. */
function argumentsAt(text: string, start: number): string {
  let depth = 1;
  let at = start;
  while (at < text.length && depth > 0) {
    const character = text[at];
    if (character === '"' || character === "`") at = endOfLiteral(text, at);
    else if (character === "(") depth++;
    else if (character === ")") depth--;
    at++;
  }
  return text.slice(start, at - 1);
}

/** Where a literal that begins at `start` ends; code in `${…}` may hold literals of its own. */
function endOfLiteral(text: string, start: number): number {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === quote) return at;
    else if (quote === "`" && text.startsWith("${", at)) at = endOfCode(text, at + 2);
  }
  return text.length;
}

function endOfCode(text: string, start: number): number {
  let depth = 1;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '"' || character === "`") at = endOfLiteral(text, at);
    else if (character === "{") depth++;
    else if (character === "}") {
      depth--;
      if (depth === 0) return at;
    }
  }
  return text.length;
}

function literalsOf(code: string): readonly string[] {
  const literals: string[] = [];
  for (let at = 0; at < code.length; at++) {
    if (code[at] !== '"' && code[at] !== "`") continue;
    const end = endOfLiteral(code, at);
    literals.push(shapeOf(code.slice(at + 1, end)));
    at = end;
  }
  return literals;
}

function shapeOf(literal: string): string {
  let shape = "";
  for (let at = 0; at < literal.length; at++) {
    if (literal.startsWith("${", at)) {
      at = endOfCode(literal, at + 2);
      shape += "…";
    } else if (literal[at] === "\\") {
      at++;
      shape += literal[at] ?? "";
    } else shape += literal[at];
  }
  return shape;
}
