import { styleText } from "node:util";
import { type Level, levelOf } from "./event-level.ts";
import { formatEvent, type StatusLine, statusOf } from "./event-text.ts";
import type { RunEvent } from "./events.ts";
import { withoutSecrets } from "./secrets.ts";

/** Where a command's output goes. The only writer of stdout and stderr. */
export type Reporter = {
  /** True when a program reads the output. */
  readonly json: boolean;
  /** Progress of a run. */
  readonly event: (event: RunEvent) => void;
  /** A sentence for a person; a line with type "message" for a program. */
  readonly say: (sentence: string) => void;
  /** Only for a person at a terminal: may hold what a log must not, like a connection string. */
  readonly sayPrivately: (sentence: string) => void;
  /** Bytes for the program or file that stdout leads to; a terminal shows no control characters. */
  readonly bytes: (content: Uint8Array) => void;
  /** The answer of a command: text for a person, data for a program. */
  readonly result: (text: string, data: unknown) => void;
  /** Why it failed: a sentence on stderr, and a line for the program that reads the output. */
  readonly failure: (sentence: string, exitCode: number) => void;
  /** From now on each line for a program names this run of `elt.runs`; null: it has ended. */
  readonly nameRun: (runId: bigint | null) => void;
};

/** What output is written to: a stream, or what a test reads. */
export type Output = {
  write(content: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
  /** How many characters fit on a line of the terminal. */
  readonly columns?: number;
};

/**
 * Text with a status line on a terminal, JSON lines elsewhere or when asked for. What others told
 * the program may repeat a secret, a driver's or a server's message for instance: it is taken out.
 */
export function createReporter(options: {
  readonly out: Output;
  readonly err: Output;
  readonly json: boolean;
  readonly now: () => Date;
  /** What no output may hold, but for what is said privately. */
  readonly secrets?: readonly string[];
}): Reporter {
  const { out, err, now, secrets = [] } = options;
  const clean = (content: string): string => withoutSecrets(content, secrets);
  const progressAsJson = options.json || out.isTTY !== true;
  let status = "";
  let wroteJson = false;
  let run: { readonly run?: number } = {};

  const line = (level: Level, data: object): void => {
    wroteJson = true;
    out.write(clean(`${JSON.stringify({ at: now().toISOString(), level, ...run, ...data })}\n`));
  };
  const clearStatus = (): void => {
    if (status !== "") out.write("\r\x1b[K");
    status = "";
  };
  const text = (content: string): void => {
    clearStatus();
    out.write(`${content}\n`);
  };
  const showStatus = (next: StatusLine): void => {
    clearStatus();
    status = fitting(next, out.columns);
    if (status !== "") out.write(styleText("dim", status));
  };

  return {
    json: options.json,
    event(event) {
      if (progressAsJson) {
        line(levelOf(event), event);
        return;
      }
      const permanent = formatEvent(event);
      if (permanent !== undefined) text(clean(permanent));
      const next = statusOf(event);
      if (next !== undefined) showStatus(next);
    },
    say(sentence) {
      if (progressAsJson) line("info", { type: "message", message: sentence });
      else text(clean(sentence));
    },
    sayPrivately(sentence) {
      if (!progressAsJson) text(sentence);
    },
    bytes(content) {
      out.write(out.isTTY === true ? printable(content) : content);
    },
    result(content, data) {
      if (options.json || wroteJson) out.write(clean(`${JSON.stringify(data)}\n`));
      else text(clean(content));
    },
    failure(sentence, exitCode) {
      clearStatus();
      if (progressAsJson) line("error", { type: "failed", exitCode, message: sentence });
      err.write(`${styleIfTerminal(err, clean(sentence))}\n`);
    },
    nameRun(runId) {
      run = runId === null ? {} : { run: Number(runId) };
    },
  };
}

/** A status line that a terminal would break could not be cleared as one. */
function fitting(line: StatusLine, columns: number | undefined): StatusLine {
  const room = (columns || Number.POSITIVE_INFINITY) - 1;
  return line.length <= room ? line : `${line.slice(0, room - 1)}…`;
}

/** What a source sent must not command a terminal. */
function printable(content: Uint8Array): string {
  const text = new TextDecoder().decode(content);
  return `${text.replace(/(?![\n\t])\p{Control}/gu, "\ufffd")}\n`;
}

function styleIfTerminal(output: Output, sentence: string): string {
  return output.isTTY === true ? styleText("red", sentence) : sentence;
}
