import { readFile } from "node:fs/promises";
import path from "node:path";
import { projectRoot } from "../../runner/open-project.ts";

/** The documents that people follow, command by command. */
export const guides = [
  "README.md",
  "docs/analista.md",
  "docs/arquitetura.md",
  "docs/bi.md",
  "docs/faltas.md",
  "docs/operador.md",
] as const;

/** A fenced block of a document. */
export type Block = {
  /** `sh`, `sql`, `diff`…; `console` is what the block before it writes. */
  readonly language: string;
  readonly text: string;
  /** Of its opening fence, from 1. */
  readonly line: number;
  /** The text between the block before and this one, on one line. */
  readonly before: string;
  readonly note: Note;
};

/** What an HTML comment above a block says of it. */
export type Note = {
  /** `não roda no teste` (README: `not run by the test`): why. */
  readonly notRun?: string;
  /** `o teste espera por` (README: `the test waits for`): it runs until it has written this. */
  readonly waitsFor?: string;
  /** `o teste usa um banco vazio`: it runs on another database than the rest. */
  readonly onEmptyDatabase: boolean;
  /** `termina com`: its exit code, when that is not 0. */
  readonly exitCode: number;
};

export type Guide = {
  readonly file: string;
  readonly text: string;
  readonly blocks: readonly Block[];
};

/** Reads a document of the project. */
export async function readGuide(file: string): Promise<Guide> {
  const text = await readFile(path.join(projectRoot, file), "utf8");
  return { file, text, blocks: blocksOf(text) };
}

/** The document without its fenced blocks. */
export function proseOf({ text }: Guide): string {
  return text.replace(/^( *)```.*?^\1```$/gms, "");
}

function blocksOf(text: string): readonly Block[] {
  let end = 0;
  return [...text.matchAll(/^( *)```(\w*)\n(.*?)^\1```$/gms)].map((match) => {
    const [whole, indent = "", language = "", body = ""] = match;
    const before = text.slice(end, match.index).replace(/\s+/g, " ").trim();
    end = match.index + whole.length;
    return {
      language,
      text: body.replace(new RegExp(`^${indent}`, "gm"), ""),
      line: text.slice(0, match.index).split("\n").length,
      before,
      note: noteOf(before),
    };
  });
}

function noteOf(before: string): Note {
  const comment = /<!-- (.*?) -->$/.exec(before)?.[1] ?? "";
  const notRun = /^(?:não roda no teste|not run by the test): (.+)$/.exec(comment)?.[1];
  const waitsFor = /^(?:o teste espera por|the test waits for): (.+)$/.exec(comment)?.[1];
  const exitCode = Number(/^termina com (\d+)$/.exec(comment)?.[1] ?? 0);
  const onEmptyDatabase = comment === "o teste usa um banco vazio";
  const known =
    [notRun, waitsFor].some((said) => said !== undefined) || exitCode > 0 || onEmptyDatabase;
  if (comment !== "" && !known)
    throw new Error(`A comment above a block means nothing to the test: ${comment}`);
  return {
    exitCode,
    onEmptyDatabase,
    ...(notRun === undefined ? {} : { notRun }),
    ...(waitsFor === undefined ? {} : { waitsFor }),
  };
}
