import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import type { ReadStream } from "node:tty";
import { ConfigError } from "../errors.ts";

/** Where answers come from: a terminal, or what is piped in. */
export type Input = NodeJS.ReadableStream & Partial<Pick<ReadStream, "isTTY">>;

/** More is no document and no address. */
const LONGEST = 1_000;

/**
 * Reads one line per question from standard input, so that the answers stand neither in the shell's
 * history nor in the list of processes. On a terminal it asks, and shows nothing of what is typed.
 * @throws ConfigError when there are fewer lines than questions, or something is no line at all
 */
export async function ask(
  questions: readonly string[],
  input: Input = process.stdin,
  prompt: NodeJS.WritableStream = process.stderr,
): Promise<readonly string[]> {
  if (questions.length === 0) return [];
  const lines =
    input.isTTY === true
      ? await askPerson(questions, input, prompt)
      : (await text(input)).split(/\r?\n/).map((line) => line.trim());
  const answers = lines.filter((line) => line !== "").slice(0, questions.length);
  if (answers.length < questions.length || answers.some((answer) => answer.length > LONGEST)) {
    throw new ConfigError([
      `Standard input gave ${answers.length} of ${questions.length} lines (${questions.join(", ")}): write each on a line of its own.`,
    ]);
  }
  return answers;
}

async function askPerson(
  questions: readonly string[],
  input: Input,
  prompt: NodeJS.WritableStream,
): Promise<readonly string[]> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: nowhere, terminal: true });
  const answers: string[] = [];
  try {
    for (const question of questions) {
      prompt.write(`${question} (not shown): `);
      answers.push((await lines.question("")).trim());
      prompt.write("\n");
    }
  } finally {
    lines.close();
  }
  return answers;
}
