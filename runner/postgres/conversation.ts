import type { Socket } from "node:net";
import { createInterface } from "node:readline";

/** A conversation in lines of JSON. */
export type Conversation = {
  send(message: unknown): void;
  /** The next line, or undefined when the other side has gone. */
  next(): Promise<unknown>;
  /** Runs once, when the other side has gone. */
  onEnd(then: () => void): void;
  /** Whether the conversation keeps this process alive. */
  ref(): void;
  unref(): void;
  end(): void;
};

/** What a user is told about the server. */
export type Answer =
  | { readonly status: "ready"; readonly url: string; readonly version: string }
  | { readonly status: "failed"; readonly problems: readonly string[] };

/** What a user says before it leaves; it waits until the other side ends the conversation. */
export const goodbye = "goodbye";

/** What the holder answers to the token. */
export function greeting(proof: string): unknown {
  return { proof };
}

/** Whether the other side has shown that it holds the lease with this proof. */
export function isGreeting(answer: unknown, proof: string): boolean {
  return (
    typeof answer === "object" && answer !== null && "proof" in answer && answer.proof === proof
  );
}

/** Reads and writes lines of JSON over a socket. Errors of the socket count as its end. */
export function converse(socket: Socket): Conversation {
  socket.on("error", () => socket.destroy());
  const reader = createInterface({ input: socket });
  const lines = reader[Symbol.asyncIterator]();
  // A reset connection closes without an end, and the reader waits for one.
  socket.once("close", () => reader.close());
  return {
    send: (message) => {
      socket.write(`${JSON.stringify(message)}\n`);
    },
    next: async () => {
      const line = await lines.next().catch(() => ({ done: true as const, value: undefined }));
      if (line.done === true) return undefined;
      try {
        return JSON.parse(line.value);
      } catch {
        return null;
      }
    },
    onEnd: (then) => {
      if (socket.destroyed) then();
      else socket.once("close", then);
    },
    ref: () => socket.ref(),
    unref: () => socket.unref(),
    end: () => socket.destroy(),
  };
}
